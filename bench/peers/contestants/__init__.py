"""Who takes part. To add one: a file here, and its line in `ALL`."""

from bench.peers.contestants.django_eventstream import DjangoEventstream
from bench.peers.contestants.listen import BareListen
from bench.peers.contestants.nchan import Nchan
from bench.peers.contestants.node_ws import NodeWs
from bench.peers.contestants.ours import Ours
from bench.peers.contestants.python_socketio import PythonSocketIo
from bench.peers.contestants.socketio import SocketIo
from bench.peers.contract import Contestant

ALL: tuple[Contestant, ...] = (
    BareListen(),
    Ours(),
    Nchan(),
    NodeWs(),
    SocketIo(),
    SocketIo(adapter=True),
    PythonSocketIo(),
    DjangoEventstream(),
)
