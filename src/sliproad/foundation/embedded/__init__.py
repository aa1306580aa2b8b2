"""PostgreSQL and NATS as children of this process, from the binaries in their wheels.

Nothing of ours outlives us: a normal end stops the children in order; after `kill -9` of the parent the kernel tells
them to stop (Linux); what is left all the same (other systems) is found by its pid file and stopped at the next start.
"""

from sliproad.foundation.embedded.child import Child, StartError
from sliproad.foundation.embedded.servers import Embedded

__all__ = ["Child", "Embedded", "StartError"]
