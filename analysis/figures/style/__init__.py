"""The style of figures: colours, fonts, venues, number formats, and checks of a finished one."""
