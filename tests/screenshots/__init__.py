"""Every page of the sample institute as a picture, for people to look at: `make screenshots`."""
