"""What people send to the workflow. Each refusal of the domain is shown at the field it is about."""
