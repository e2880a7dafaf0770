from django.urls import path

from . import views

app_name = "voting"

urlpatterns = [
    path("votes/", views.ballot_list, name="ballot-list"),
    path("votes/<uuid:uid>/", views.ballot_detail, name="ballot-detail"),
    path("votes/link/<str:token>/", views.ballot_link, name="ballot-link"),
]
