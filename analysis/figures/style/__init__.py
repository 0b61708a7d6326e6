"""How figures look: colours, fonts, venues, number formats, and checks of a finished one."""
