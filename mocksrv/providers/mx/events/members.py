"""Users and members as kinds of resources, with the events that are about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.engine.clock import MINUTE
from mocksrv.engine.play import Job, Play
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.resources import CatalogueEvent, Resource
from mocksrv.providers.mx.events.webhooks import CATALOGUE, emit_member, emit_user

MEMBER_SAMPLE: Mapping[str, Any] = {
    "connection_status": "CONNECTED",
    "error": {},
    "institution_code": "mxbank",
    "institution_name": "MX Bank",
    "is_authenticated": True,
    "institution_guid": "INS-1572a04c-912b-59bf-5841-332c7dfafaef",
    "is_being_aggregated": False,
    "is_managed_by_user": True,
    "is_manual": False,
    "is_oauth": False,
    "metadata": None,
    "name": "MX Bank",
    "needs_updated_credentials": False,
    "use_cases": ["PFM"],
}
USER_SAMPLE: Mapping[str, Any] = {"email": "sam.sample@example.com", "is_disabled": False, "metadata": None}


class Users(Resource):
    """Users, whose events are of the catalogue."""

    def declared(self) -> Mapping[str, CatalogueEvent]:
        def written(action: str) -> CatalogueEvent:
            def write(world: World, owner: Record, record: Record | None) -> None:
                emit_user(world, record or owner, action)

            return CatalogueEvent(CATALOGUE[f"{self.kind}.{action}"].when, self.kind, write)

        return {name: written(name.rpartition(".")[2]) for name in CATALOGUE if name.startswith(f"{self.kind}.")}

    def invent(self, world: World, owner: Record | None = None) -> Record:
        return self.stamped(world, Record(self.kind, world.guid(self.prefix), dict(USER_SAMPLE)))


class Members(Resource):
    """Members, which all other events of the catalogue are about: their jobs, what these fetch, their statuses."""

    def declared(self) -> Mapping[str, CatalogueEvent]:
        def written(name: str) -> CatalogueEvent:
            def write(world: World, owner: Record, record: Record | None) -> None:
                emit_member(world, name, record or self.invent(world, owner))

            return CatalogueEvent(CATALOGUE[name].when, self.kind, write)

        return {name: written(name) for name in CATALOGUE if not name.startswith(f"{USER.kind}.")}

    def invent(self, world: World, owner: Record) -> Record:
        job = Job("connect", world.now - MINUTE, kept=MemberJob(accounts=[world.guid("ACT")]))
        play = Play("mx", scenario="", by="", job=job)
        moments = {"aggregated_at": world.now - MINUTE, "successfully_aggregated_at": world.now}
        body = {**MEMBER_SAMPLE, **moments, "most_recent_job_guid": world.guid("JOB")}
        member = Record(self.kind, world.guid(self.prefix), body, owner=owner.guid, play=play)
        return self.stamped(world, member)


MEMBER = Members("mx.member", prefix="MBR")
USER = Users("mx.user", prefix="USR")
