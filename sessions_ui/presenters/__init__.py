"""From records and catalog rows to what templates show: all choices are made here, templates only lay out."""
