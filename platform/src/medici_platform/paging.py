"""Every list is paginated: a page number, a bounded size, a total."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

Row = TypeVar("Row")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Paging:
    number: int = 1
    size: int = 50


def paging(
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1, per_page: Annotated[int, Query(ge=1, le=200)] = 50
) -> Paging:
    return Paging(page, per_page)


Page = Annotated[Paging, Depends(paging)]


@dataclass(frozen=True)
class Slice(Generic[Row]):
    rows: Sequence[Row]
    paging: Paging
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.paging.size))


class Listing(BaseModel, Generic[Item]):
    items: list[Item]
    page: int
    pages: int
    total: int


def fetch_slice(session: Session, statement: Select[Any], paging: Paging) -> Slice[Any]:
    """Two queries, however long the list: one count, one page of rows."""
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    offset = (paging.number - 1) * paging.size
    rows = session.scalars(statement.limit(paging.size).offset(offset)).unique().all()
    return Slice(rows, paging, total)


def listing(rows: Slice[Row], present: Callable[[Row], Item]) -> Listing[Item]:
    return Listing(
        items=[present(row) for row in rows.rows], page=rows.paging.number, pages=rows.pages, total=rows.total
    )
