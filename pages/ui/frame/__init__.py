"""The frame of every page: title, navigation, the sidebar, and the shared inputs."""
