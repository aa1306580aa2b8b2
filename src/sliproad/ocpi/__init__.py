"""OCPI 2.2.1 without input or output: envelope, status codes, headers, paging, ids, objects. `features/roaming` builds the hub on it."""
