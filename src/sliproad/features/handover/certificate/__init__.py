"""The handover certificate: the ``record`` for programs, the ``document`` for people, the ``template`` between."""
