from django.urls import path

from . import views

app_name = "fairness"

urlpatterns = [path("fairness/", views.report, name="report")]
