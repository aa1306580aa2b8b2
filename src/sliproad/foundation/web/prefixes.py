"""Which paths are APIs for programs: everything else is for browsers. The layers of `application` ask."""

APIS = ("/api/", "/local-ocpp/")
"""Ours, and the operators' (OPER), which has a base path of its own (contract §5). OCPI has its own conventions."""
COMMENTED = ("/local-ocpp/",)
"""Where JSON may hold `// …` comments: OPER's own example of a full request has them."""
