"""What a container may do, who reaches the database, and what scanners find in the deploy files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from combinations import LEGAL, Combination
from conftest import TEMPLATE, Bake
from uv import find_uv_bin

# --- Docker Compose -----------------------------------------------------------------------------

ANOTHER_POD = {"app.kubernetes.io/name": "another"}


@pytest.fixture(params=["pgbouncer", "persistent"])
def compose(bake: Bake, request: pytest.FixtureRequest) -> dict[str, Any]:
    project = bake(pooling=request.param, web_instances=3)
    return yaml.safe_load((project / "compose.yaml").read_text(encoding="utf-8"))


def test_every_container_of_compose_is_confined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        # What is built from the same files is built once, and not got by its name.
        if service.get("build") == ".":
            assert (service["image"], service["pull_policy"]) == ("my-service", "build"), name
        # Its image has a user, or the file names one.
        assert "build" in service or service["user"] == "postgres", name


def test_the_database_is_on_a_network_of_its_own(compose: dict[str, Any]) -> None:
    networks = {name: service["networks"] for name, service in compose["services"].items()}

    assert compose["networks"] == {"database": {"internal": True}}
    assert networks.pop("web") == ["database", "default"]
    assert set(map(tuple, networks.values())) == {("database",)}
    # What writes has a place for it.
    assert all(service["tmpfs"] for service in compose["services"].values())


# --- Kubernetes ---------------------------------------------------------------------------------


@pytest.fixture(params=["pgbouncer", "provider-pooler", "persistent"])
def kubernetes(bake: Bake, request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    project = bake(hosting_target="kubernetes", pooling=request.param)
    return [
        document
        for path in sorted((project / "kubernetes").iterdir())
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def pods(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pods of the service by the kind of what starts them."""
    return {
        each["kind"]: each["spec"]["template"]
        for each in documents
        if each["kind"] in ("Deployment", "Job")
    }


def test_every_pod_is_confined(kubernetes: list[dict[str, Any]]) -> None:
    for kind, pod in pods(kubernetes).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, kind
        assert spec["securityContext"]["runAsNonRoot"] is True, kind
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, kind
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, container["name"]
            assert context["allowPrivilegeEscalation"] is False, container["name"]
            assert context["capabilities"] == {"drop": ["ALL"]}, container["name"]
            assert container["resources"]["limits"]["memory"], container["name"]
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


def admits(
    policies: list[dict[str, Any]],
    pod: dict[str, str],
    port: int | str,
    client: dict[str, str],
    namespace: str,
) -> bool:
    """Whether these policies let the client, in that namespace, reach the port of the pod."""

    def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
        return selector["matchLabels"].items() <= labels.items()

    def is_from(peer: dict[str, Any]) -> bool:
        if "namespaceSelector" in peer:
            return selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace})
        return namespace == "own" and selects(peer["podSelector"], client)

    mine = [each["spec"] for each in policies if selects(each["spec"]["podSelector"], pod)]
    return not mine or any(
        {"port": port} in rule["ports"] and ("from" not in rule or any(map(is_from, rule["from"])))
        for policy in mine
        for rule in policy["ingress"]
    )


def test_only_the_service_reaches_the_database(kubernetes: list[dict[str, Any]]) -> None:
    policies = [each for each in kubernetes if each["kind"] == "NetworkPolicy"]
    labels = {kind: pod["metadata"]["labels"] for kind, pod in pods(kubernetes).items()}
    web, migrate = labels["Deployment"], labels["Job"]
    database = {"cnpg.io/cluster": "my-service-db"}
    pooler = {"cnpg.io/poolerName": "my-service-pooler"}

    assert admits(policies, database, 5432, web, "own")
    assert admits(policies, database, 5432, migrate, "own")
    assert admits(policies, database, 5432, database, "own")
    assert admits(policies, database, 8000, {}, "cnpg-system")
    assert not admits(policies, database, 5432, ANOTHER_POD, "own")
    assert not admits(policies, database, 5432, web, "another")
    assert not admits(policies, database, 8000, web, "own")
    assert admits(policies, web, "http", ANOTHER_POD, "another")
    # The PgBouncer beside the web server listens on the loopback interface, and on no other.
    assert not admits(policies, web, 6432, ANOTHER_POD, "own")
    assert not admits(policies, migrate, 8000, ANOTHER_POD, "own")
    if any(each["kind"] == "Pooler" for each in kubernetes):
        assert admits(policies, database, 5432, pooler, "own")
        assert admits(policies, pooler, 5432, web, "own")
        assert not admits(policies, pooler, 5432, migrate, "own")
        assert not admits(policies, pooler, 5432, ANOTHER_POD, "own")


# --- ECS, and a container anywhere ----------------------------------------------------------------


@pytest.mark.parametrize("target", ["aws-rds", "aws-aurora"])
def test_the_task_of_ecs_is_confined(bake: Bake, target: str) -> None:
    project = bake(hosting_target=target)
    task = json.loads((project / "task-definition.json").read_text(encoding="utf-8"))
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8").splitlines()
    mounted = [{"sourceVolume": "tmp", "containerPath": "/tmp"}]

    assert task["volumes"] == [{"name": "tmp"}]
    for container in task["containerDefinitions"]:
        assert container["readonlyRootFilesystem"] is True
        assert container["user"] == "10001"
        assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in container
        assert container["mountPoints"] == mounted
    # A volume has the permissions of the folder in the image: the user may write to it.
    assert dockerfile.index("USER 10001") < dockerfile.index("VOLUME /tmp")


CONTAINERS = ["aiven", "crunchy-bridge", "neon", "planetscale", "supabase"]


@pytest.mark.parametrize("target", CONTAINERS)
def test_a_container_anywhere_is_confined(bake: Bake, target: str) -> None:
    answers = Combination(target, "none", "wsgi").answers()
    deploy = (bake(**answers) / "DEPLOY.md").read_text(encoding="utf-8")
    [run] = re.findall(r"docker run --detach (?:.*\\\n)*.*", deploy)

    for option in ("--read-only", "--tmpfs /tmp", "--cap-drop ALL", "no-new-privileges"):
        assert option in run


# --- files that must not leave --------------------------------------------------------------------

SECRET = (".env", ".env.production", "server.key", "server.pem", "backup.dump", "backup.sql.gz")


def test_git_and_docker_leave_secrets_out(bake: Bake, tmp_path: Path) -> None:
    project = bake()
    shutil.copy(project / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    ignored = subprocess.run(
        ["git", "check-ignore", *SECRET, "deploy.env", "roles.sql"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    ).stdout.split()
    docker = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert ignored == list(SECRET)
    assert {".*", "**/*.key", "**/*.pem", "**/*.dump", "**/*.sql.gz"} <= set(docker)
    # DEPLOY.md has the image take this certificate along.
    assert docker.index("!*ca.pem") > docker.index("**/*.pem")


# --- scanners -------------------------------------------------------------------------------------

# In an environment of its own, since it wants old versions of what the tests need. What it is not
# to ask for stands with the reason in the files that it reads.
CHECKOV = [find_uv_bin(), "tool", "run", "--quiet", "checkov==3.3.30", "--quiet", "--compact"]


def checkov(folder: Path) -> list[str]:
    """The ids of what it finds."""
    frameworks = ["--framework", "dockerfile", "kubernetes", "github_actions", "secrets"]
    command = [*CHECKOV, "--output=json", "--directory=.", *frameworks]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    reports = json.loads(done.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    summaries = [report["summary"] for report in reports]
    assert sum(summary["passed"] for summary in summaries) > 20, done.stderr
    assert not any(summary["parsing_errors"] for summary in summaries)
    return [
        f"{failed['check_id']} {failed['file_path']} {failed['check_name']}"
        for report in reports
        for failed in report["results"]["failed_checks"]
    ]


@pytest.mark.parametrize("pooling", ["pgbouncer", "provider-pooler"])
def test_checkov_finds_nothing_in_kubernetes(bake: Bake, pooling: str) -> None:
    assert checkov(bake(hosting_target="kubernetes", pooling=pooling)) == []


def test_checkov_finds_nothing_in_any_dockerfile(bake: Bake, tmp_path: Path) -> None:
    """Each of them once: most targets have the same as others."""
    projects = [bake(**each.answers()) for each in LEGAL if each.pooling in ("none", "pgbouncer")]
    every = {path.read_bytes() for project in projects for path in project.rglob("Dockerfile")}
    for number, dockerfile in enumerate(sorted(every)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "Dockerfile").write_bytes(dockerfile)

    assert len(every) > 3
    assert checkov(tmp_path) == []


# What is written instead, and what says that it is wrong.
MISTAKES = [
    ("Dockerfile", "USER 10001\n", "", "CKV_DOCKER_3"),
    (
        "kubernetes/web.yaml",
        "ServiceAccountToken: false",
        "ServiceAccountToken: true",
        "CKV_K8S_38",
    ),
    ("kubernetes/web.yaml", "RootFilesystem: true", "RootFilesystem: false", "CKV_K8S_22"),
    ("kubernetes/database.yaml", "kind: NetworkPolicy", "kind: Service", "CKV2_K8S_6"),
]


def test_checkov_finds_mistakes(bake: Bake, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(bake(hosting_target="kubernetes"), project)
    for name, kept, mistake, _ in MISTAKES:
        text = (project / name).read_text(encoding="utf-8")
        assert kept in text
        (project / name).write_text(text.replace(kept, mistake), encoding="utf-8")

    found = {each.split()[0] for each in checkov(project)}
    assert {check for *_, check in MISTAKES} <= found


ZIZMOR = [Path(sysconfig.get_path("scripts"), "zizmor"), "--offline", "--no-progress", "--quiet"]


def zizmor(workflow: Path) -> str:
    """What it finds, above low."""
    done = subprocess.run(
        [*ZIZMOR, "--min-severity=medium", "--format=plain", workflow],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, *range(11, 15)), done.stderr
    return done.stdout if done.returncode else ""


def test_zizmor_finds_nothing_in_workflows(bake: Bake) -> None:
    for folder in (TEMPLATE, bake()):
        for workflow in (folder / ".github" / "workflows").iterdir():
            assert zizmor(workflow) == "", workflow


def test_zizmor_finds_mistakes(bake: Bake, tmp_path: Path) -> None:
    text = (bake() / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    workflow = tmp_path / ".github" / "workflows" / "tests.yml"
    workflow.parent.mkdir(parents=True)

    injection = "- run: echo ${{ github.event.pull_request.title }} "
    workflow.write_text(text.replace("- run: ", injection))
    assert "template-injection" in zizmor(workflow)
    workflow.write_text(re.sub("  # zizmor: ignore.*", "", text))
    assert "unpinned-uses" in zizmor(workflow)
