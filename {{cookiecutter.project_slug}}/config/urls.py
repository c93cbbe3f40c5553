from django.urls import path

from pgconnections import health

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
]
