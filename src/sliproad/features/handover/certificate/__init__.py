"""The handover certificate: its ``record`` for programs, its ``document`` for people, and the typst ``template`` between."""
