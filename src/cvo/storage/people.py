"""The persons a unit of work holds: loaded, met, linked and folded in memory, written once at its end."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from cvo.core.clock import Instant
from cvo.core.errors import Conflict
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.events.event import Event
from cvo.events.identity import Link, comes_too_late, joins_nothing
from cvo.events.message import ExternalId, IdKind
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY, Profile, decode, encode
from cvo.storage import dialect
from cvo.storage.graph import Graph
from cvo.storage.rows import in_order
from cvo.storage.schema import ASSIGNMENT, PERSON

TREATED, CONTROL = "treated", "control"
UNASSIGNED = ""

# Looking a kind up costs a thirtieth of calling the enumeration, and every row has one.
_KINDS = {kind.value: kind for kind in IdKind}


class Assignment(msgspec.Struct, frozen=True, order=True):
    """An arm given to a person when first met, under the node they were met by."""

    assigned_at: Instant
    node: PersonId
    arm: str
    control_rate: float | None
    """The share of customers left alone when the arm was drawn; missing where nobody wrote it down."""


class State:
    """One person in the course of a unit of work."""

    __slots__ = (
        "arm",
        "assigned_at",
        "contaminated",
        "dirty",
        "pending",
        "person_id",
        "profile",
        "refold",
        "version",
    )

    def __init__(self, person_id: PersonId, version: int = 0, profile: Profile = EMPTY) -> None:
        self.person_id = person_id
        self.version = version
        self.profile = profile
        self.arm = UNASSIGNED
        self.assigned_at = Instant(0)
        self.contaminated = False
        self.pending: list[Event] = []
        self.refold = False
        self.dirty = False

    def assign(self, assignments: Iterable[Assignment]) -> None:
        """Take the arm of the earliest assignment; two different ones contaminate."""
        given = sorted(assignments)
        if given:
            self.arm = given[0].arm
            self.assigned_at = given[0].assigned_at
            self.contaminated = len({each.arm for each in given}) > 1


class _Node:
    __slots__ = ("canonical", "changed", "external", "stored_version")

    def __init__(self, external: ExternalId, canonical: PersonId, stored_version: int | None) -> None:
        self.external = external
        self.canonical = canonical
        self.stored_version = stored_version
        self.changed = stored_version is None


class People:
    """Nodes and persons by id. Everything is loaded in batches before it is asked for."""

    def __init__(self, connection: Connection, salt: str, control_rate: float) -> None:
        self._connection = connection
        self._salt = salt
        self._control_rate = control_rate
        self._nodes: dict[PersonId, _Node] = {}
        self._states: dict[PersonId, State] = {}
        self._unsettled: list[State] = []
        self._graph = Graph(connection)
        self._assignments: dict[PersonId, Assignment | None] = {}
        self._new_assignments: list[Assignment] = []
        self._ids: dict[ExternalId, PersonId] = {}

    def node_id(self, external: ExternalId) -> PersonId:
        """Return the id of a node, whether or not it was ever met."""
        known = self._ids.get(external)
        if known is None:
            known = self._ids[external] = external.person_id(self._salt)
        return known

    def load(self, externals: Iterable[ExternalId]) -> None:
        """Read the nodes of `externals` with the persons they belong to, and note those never met."""
        wanted = {self.node_id(external): external for external in externals}
        self._load_nodes(wanted)
        for node_id, external in wanted.items():
            if node_id not in self._nodes:
                self._nodes[node_id] = _Node(external, node_id, None)
                self._states[node_id] = State(node_id)

    def load_clusters(self, externals: Iterable[ExternalId]) -> None:
        """Read everything that links reach from these loaded nodes, with arms as they were assigned."""
        self.load_clusters_around([self.node_id(external) for external in externals])

    def load_clusters_around(self, ids: Sequence[PersonId]) -> None:
        """Read everything that links reach from these nodes, with arms as they were assigned."""
        self._graph.load(ids)
        members = set().union(*(self._graph.cluster(node) for node in ids)) if ids else set()
        self._load_nodes(members)
        self._load_assignments(members)

    def look_at(self, devices: Iterable[PersonId]) -> None:
        """Read which links end at devices, whatever else these reach."""
        self._graph.look(devices)

    def comes_too_late(self, link: Link) -> bool:
        """Tell whether a link is but a claim, because its device, which was looked at, is taken."""
        return comes_too_late(link, self._graph.links_at(link.second))

    def assigned_nodes(self, node_ids: Sequence[PersonId]) -> list[PersonId]:
        """Return for each of these loaded nodes the node by which its person was first assigned an arm."""
        self._graph.load(node_ids)
        # Nearly everybody is one node without a link.
        merged = {node: self._graph.person(node) for node in node_ids if self._graph.links_at(node)}
        self._load_assignments({member for members in merged.values() for member in members})
        return [self._first(merged[node]) if node in merged else node for node in node_ids]

    def of(self, node_id: PersonId) -> State:
        """Return the person that a loaded node belongs to."""
        return self._states[self._nodes[node_id].canonical]

    def known(self, node_id: PersonId) -> bool:
        """Tell whether a node is loaded."""
        return node_id in self._nodes

    def external(self, node_id: PersonId) -> ExternalId:
        """Return the external id of a loaded node."""
        return self._nodes[node_id].external

    def meet(self, state: State, at: Instant) -> None:
        """Assign an arm to a person who has none, by a hash that nobody can choose."""
        if state.arm != UNASSIGNED:
            return
        external = self._nodes[state.person_id].external
        draw = keyed_uniform(self._salt, "arm", external.kind.value, external.value)
        made = Assignment(
            at, state.person_id, CONTROL if draw < self._control_rate else TREATED, self._control_rate
        )
        self._assignments[state.person_id] = made
        self._new_assignments.append(made)
        state.assign([made])
        state.dirty = True

    def link(self, link: Link, met_at: Instant) -> int | None:
        """Apply a link between two nodes whose clusters are loaded, and return the version it brings them to.

        Somebody new who comes in by a link takes the arm of the person linked to, and is not assigned apart.

        Every person of the cluster rises to one more than the highest of them. So whoever looks back at an
        earlier version of any of them sees the links that there were then, and no others.
        `None` is returned for a link that says nothing new.
        """
        graph = self._graph
        if joins_nothing(link, graph.links_at(link.first)):
            return None
        graph.add(link)
        nodes = graph.cluster(link.first)
        before = {self._nodes[node].canonical for node in nodes}
        version = 1 + max(self._states[root].version for root in before)
        self._regroup(graph.canonical(link.first))
        for root in {self._nodes[node].canonical for node in nodes}:
            state = self._states[root]
            state.version = version
            state.dirty = True
            self.meet(state, met_at)
        return version

    def record(self, state: State, event: Event) -> int:
        """Add a fact to a person, to be folded by `settle`, and return the version it brings them to."""
        state.version += 1
        state.pending.append(event)
        self._unsettled.append(state)
        return state.version

    @property
    def settled(self) -> bool:
        """Tell whether every profile is folded."""
        return not self._unsettled

    def settle(self) -> None:
        """Fold what is pending; a fact that lies before the last one has the whole profile folded anew.

        Everything pending has to be in the log already.
        """
        anew = []
        unsettled, self._unsettled = self._unsettled, []
        for state in unsettled:
            pending, state.pending = state.pending, []
            # Regrouping replaces states, and a person with several facts is in the list several times.
            if not (pending or state.refold) or self._states.get(state.person_id) is not state:
                continue
            state.dirty = True
            if len(pending) > 1:
                pending.sort(key=_order)
            if state.refold or (state.profile.events and _order(pending[0]) <= _last(state.profile)):
                state.refold = False
                anew.append(state)
            else:
                state.profile = fold(state.profile, pending)
        if anew:
            self._fold_anew(anew)

    def write(self) -> None:
        """Write every person that changed; one that somebody else changed meanwhile raises `Conflict`."""
        new, changed = [], []
        for node_id, node in self._nodes.items():
            state = self._states[node.canonical]
            leads = node.canonical == node_id
            if not node.changed and not (leads and state.dirty):
                continue
            row = (
                node.canonical,
                state.version,
                state.arm,
                state.assigned_at,
                int(state.contaminated),
                encode(state.profile) if leads else b"",
            )
            if node.stored_version is None:
                new.append((node_id, node.external.kind.value, node.external.value, *row))
            else:
                changed.append((*row, node_id, node.stored_version))
        dialect.insert(self._connection, PERSON, new)
        if dialect.update_guarded(self._connection, changed) != len(changed):
            raise Conflict("a person was changed by another writer; nothing was written, try again")
        made = [(each.node, each.arm, each.assigned_at, each.control_rate) for each in self._new_assignments]
        dialect.insert(self._connection, ASSIGNMENT, made)

    def _first(self, members: Iterable[PersonId]) -> PersonId:
        return min(each for node in members if (each := self._assignments[node]) is not None).node

    def _load_assignments(self, members: set[PersonId]) -> None:
        unknown = members - self._assignments.keys()
        self._assignments.update(dict.fromkeys(unknown))
        for person_id, arm, assigned_at, rate in dialect.assignments(self._connection, ASSIGNMENT, unknown):
            self._assignments[person_id] = Assignment(assigned_at, person_id, arm, rate)

    def _load_nodes(self, wanted: Iterable[PersonId]) -> None:
        missing = {node_id for node_id in wanted if node_id not in self._nodes}
        while missing:
            roots = set()
            for row in dialect.persons(self._connection, missing):
                person_id, kind, value, canonical, version = row[:5]
                self._nodes[person_id] = _Node(ExternalId(_KINDS[kind], value), canonical, version)
                if canonical == person_id:
                    state = self._states[person_id] = _state(row)
                    if state.refold:
                        self._unsettled.append(state)
                else:
                    roots.add(canonical)
            missing = roots - self._nodes.keys()

    def _regroup(self, canonical: dict[PersonId, PersonId]) -> None:
        """Put the nodes of a cluster together as `canonical` says, keeping the work done so far."""
        groups: dict[PersonId, set[PersonId]] = {}
        old: dict[PersonId, set[PersonId]] = {}
        for node, root in canonical.items():
            groups.setdefault(root, set()).add(node)
            old.setdefault(self._nodes[node].canonical, set()).add(node)
        states = {root: self._states.pop(root) for root in old}
        for root, members in groups.items():
            parents = {self._nodes[node].canonical for node in members}
            self._states[root] = self._combine(
                root,
                members,
                [states[parent] for parent in parents],
                whole=all(old[p] <= members for p in parents),
            )
        for root, members in groups.items():
            for node in members:
                if self._nodes[node].canonical != root:
                    self._nodes[node].canonical = root
                    self._nodes[node].changed = True

    def _combine(self, root: PersonId, members: set[PersonId], parents: list[State], *, whole: bool) -> State:
        if whole and len(parents) == 1 and parents[0].person_id == root:
            return parents[0]
        state = State(root)
        state.assign(each for node in members if (each := self._assignments.get(node)) is not None)
        state.pending = [
            event for parent in parents for event in parent.pending if event.person_id in members
        ]
        folded = [parent for parent in parents if parent.profile.events]
        if whole and len(folded) <= 1 and not any(parent.refold for parent in parents):
            state.profile = folded[0].profile if folded else EMPTY
        else:
            state.refold = True
        state.dirty = True
        self._unsettled.append(state)
        return state

    def _fold_anew(self, states: list[State]) -> None:
        self._graph.load(state.person_id for state in states)
        owner = {node: state for state in states for node in self._graph.person(state.person_id)}
        rows: dict[PersonId, list[dialect.Row]] = {state.person_id: [] for state in states}
        for row in dialect.events(self._connection, owner):
            rows[owner[row[0]].person_id].append(row)
        for state in states:
            state.profile = fold(EMPTY, in_order(rows[state.person_id]))


def _state(row: dialect.Row) -> State:
    profile = decode(row[8])
    state = State(row[0], row[4], EMPTY if profile is None else profile)
    state.arm, state.assigned_at, state.contaminated = row[5], Instant(row[6]), bool(row[7])
    # A profile of an older layout is worth nothing; the log is worth everything.
    state.refold = profile is None
    return state


def _order(event: Event) -> tuple[int, bytes]:
    return event.at, event.event_id


def _last(profile: Profile) -> tuple[int, bytes]:
    return profile.last_at, profile.last_event_id
