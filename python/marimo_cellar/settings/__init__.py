"""What environment, project and user have set, and where a notebook's cache lives."""
