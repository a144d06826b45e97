"""Changes: who changed what, and when, from the journal."""

from __future__ import annotations

from acd.api import models, paging, views
from acd.api.endpoint import Asked
from acd.api.models import moment
from acd.api.paging import BeforeChange
from acd.api.reading import Nothing, Page
from acd.center.facts import ChangeMade


async def listed(asked: Asked[Page, Nothing]) -> models.Changes:
    """Who changed what by the API or the configuration, the newest first."""
    before = None
    if asked.query.cursor is not None:
        before = paging.read(asked.query.cursor, BeforeChange).number
    found = await asked.site.desk.changes(before=before, limit=asked.query.limit + 1)
    page = found[: asked.query.limit]
    return models.Changes(
        changes=[_shown(number, fact) for number, fact in page if views.shown(fact, asked.sight)],
        next=paging.write(BeforeChange(page[-1][0])) if len(found) > len(page) else None,
    )


def _shown(number: int, fact: ChangeMade) -> models.Change:
    return models.Change(
        id=number,
        at=moment(fact.at),
        by=fact.by or None,
        act=fact.act,
        agent=fact.agent,
        queue=fact.queue,
        request=fact.request,
        before=fact.before,
        after=fact.after,
    )
