from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]

# 503 for a request that got no connection in time.
handler500 = "pgconnections.backend.health.server_error"
