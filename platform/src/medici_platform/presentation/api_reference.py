"""The JSON API as one page of our own, read from the OpenAPI document."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.presentation.visitors import CurrentVisitor

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    summary: str
    description: str
    parameters: list[str]


@router.get("/api")
def show_api(visitor: CurrentVisitor) -> Response:
    return visitor.render("api.html", groups=endpoints_by_tag(visitor.request.app.openapi()))


def endpoints_by_tag(document: dict[str, Any]) -> dict[str, list[Endpoint]]:
    groups: dict[str, list[Endpoint]] = defaultdict(list)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups[tag].append(_endpoint(method, path, operation))
    return dict(groups)


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> Endpoint:
    queries = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    return Endpoint(method.upper(), path, operation.get("summary", ""), operation.get("description", ""), queries)
