"""The objects of OCPI 2.2.1, a module for each of the specification's."""
