"""What every page begins with: title, navigation, the sidebar, and the inputs all pages share."""
