"""The screen's renderer: plotly figures and HTML strips."""
