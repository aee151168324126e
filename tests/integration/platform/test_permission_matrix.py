"""Who may call what: every endpoint of the API, of the pages and of the workers' API against every role.

The first table asks for the objects of a challenge that all may see, the second for those of another organizer's draft.
An endpoint that is in no table fails here.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence

import pytest
from fastapi.routing import iter_route_contexts

from medici_platform.app import create_app
from tests.factories.platform import RESULTS_ZIP, running_platform
from tests.integration.platform.permission_stage import Objects, PermissionStage

ROLES = (
    "nobody",
    "stranger",  # signed in, takes part in nothing
    "alice",  # takes part in tiny; the submissions there are hers
    "bob",  # takes part in tiny
    "olga",  # owns tiny
    "otto",  # owns draft, which nobody else may see; the submissions there are his
    "cora",  # organizes tiny with olga
    "ada",  # administrator
    "worker",  # a worker's credential
    "attempt",  # the token of an attempt at a run of tiny
    "read",  # ada's token with the scope read
    "submit",  # alice's token with the scope submit
    "submit-olga",  # olga's token with the scope submit
)

TINY = """
POST   /api/v1/alerts/{alert_id}/dismiss                             401 404 404 404 404 404 404 404 401 401 403 403 403
GET    /api/v1/challenges                                            200 200 200 200 200 200 200 200 401 401 200 200 200
POST   /api/v1/challenges                                            401 403 403 403 422 422 403 422 401 401 403 403 403
GET    /api/v1/challenges/{slug}                                     200 200 200 200 200 200 200 200 401 401 200 200 200
PUT    /api/v1/challenges/{slug}                                     401 403 403 403 422 403 422 422 401 401 403 403 403
GET    /api/v1/challenges/{slug}/alerts                              401 403 403 403 200 403 200 200 401 401 200 403 200
GET    /api/v1/challenges/{slug}/collaborators                       401 403 403 403 200 403 200 200 401 401 200 403 200
DELETE /api/v1/challenges/{slug}/collaborators/{username}            401 403 403 403 404 403 403 404 401 401 403 403 403
PUT    /api/v1/challenges/{slug}/collaborators/{username}            401 403 403 403 200 403 403 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/export                              401 403 403 403 200 403 200 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/kit                                 200 200 200 200 200 200 200 200 401 401 200 200 200
GET    /api/v1/challenges/{slug}/leaderboard                         200 200 200 200 200 200 200 200 401 401 200 200 200
GET    /api/v1/challenges/{slug}/logo                                200 200 200 200 200 200 200 200 401 401 200 200 200
POST   /api/v1/challenges/{slug}/migrate                             401 403 403 403 409 403 409 409 401 401 403 403 403
GET    /api/v1/challenges/{slug}/participants                        401 403 403 403 200 403 200 200 401 401 200 403 200
POST   /api/v1/challenges/{slug}/participants                        401 201 201 201 201 201 201 201 401 401 403 201 201
POST   /api/v1/challenges/{slug}/participants/{username}/{decision}  401 403 403 403 200 403 200 200 401 401 403 403 403
DELETE /api/v1/challenges/{slug}/phases/{index}/pins                 401 403 403 403 200 403 200 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/pins                                401 403 403 403 200 403 200 200 401 401 200 403 200
GET    /api/v1/challenges/{slug}/public-submissions                  200 200 200 200 200 200 200 200 401 401 200 200 200
POST   /api/v1/challenges/{slug}/publish                             401 403 403 403 200 403 200 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/quota                               401 403 200 200 403 403 403 403 401 401 403 200 403
GET    /api/v1/challenges/{slug}/submission-form                     200 200 200 200 200 200 200 200 401 401 200 200 200
GET    /api/v1/challenges/{slug}/submissions                         401 200 200 200 200 200 200 200 401 401 200 200 200
POST   /api/v1/challenges/{slug}/submissions                         401 403 201 201 403 403 403 403 401 401 403 201 403
GET    /api/v1/entries/{entry}/detailed-results                      403 403 403 403 200 403 200 200 401 401 200 403 200
GET    /api/v1/me                                                    401 200 200 200 200 200 200 200 401 401 200 200 200
POST   /api/v1/me/password                                           401 403 403 403 403 403 403 403 401 401 403 403 403
GET    /api/v1/openapi.json                                          200 200 200 200 200 200 200 200 200 200 200 200 200
GET    /api/v1/runs/{run}/cases                                      401 404 403 404 200 404 200 200 401 401 403 403 403
GET    /api/v1/runs/{run}/detailed-results                           401 404 403 404 200 404 200 200 401 401 200 403 200
GET    /api/v1/runs/{run}/outputs                                    401 404 403 404 200 404 200 200 401 401 403 403 403
GET    /api/v1/runs/{run}/record                                     401 404 200 404 200 404 200 200 401 401 200 200 200
GET    /api/v1/runs/{run}/records                                    401 404 200 404 200 404 200 200 401 401 200 200 200
GET    /api/v1/signing-keys                                          200 200 200 200 200 200 200 200 200 200 200 200 200
GET    /api/v1/submissions/{scored}                                  401 404 200 404 200 404 200 200 401 401 200 200 200
PATCH  /api/v1/submissions/{scored}                                  401 404 200 404 403 404 403 403 401 401 403 200 403
POST   /api/v1/submissions/{waiting}/cancel                          401 404 200 404 200 404 200 200 401 401 403 200 403
GET    /api/v1/submissions/{scored}/file                             401 404 200 404 200 404 200 200 401 401 403 200 403
DELETE /api/v1/submissions/{scored}/leaderboard                      401 404 200 404 200 404 200 200 401 401 403 200 403
POST   /api/v1/submissions/{scored}/leaderboard                      401 404 200 404 200 404 200 200 401 401 403 200 403
GET    /api/v1/submissions/{scored}/logs                             401 404 200 404 200 404 200 200 401 401 403 200 403
POST   /api/v1/submissions/{scored}/publicity                        401 404 200 404 403 404 403 403 401 401 403 403 403
POST   /api/v1/submissions/{scored}/rerun                            401 404 403 404 200 404 200 200 401 401 403 403 403
POST   /api/v1/submissions/{scored}/rescore                          401 404 403 404 200 404 200 200 401 401 403 403 403
GET    /api/v1/submissions/{scored}/runs                             401 404 200 404 200 404 200 200 401 401 200 200 200
POST   /api/v1/submissions/{waiting}/start                           401 404 403 404 409 404 409 409 401 401 403 403 403
GET    /api/v1/tokens                                                401 200 200 200 200 200 200 200 401 401 200 200 200
POST   /api/v1/tokens                                                401 401 401 401 401 401 401 401 401 401 401 401 401
DELETE /api/v1/tokens/{token_id}                                     401 404 204 404 404 404 404 404 401 401 403 403 403
POST   /api/v1/users                                                 201 201 201 201 201 201 201 201 201 201 201 201 201
GET    /api/v1/workers                                               401 403 403 403 403 403 403 200 401 401 200 403 403
POST   /api/v1/workers                                               401 403 403 403 403 403 403 201 401 401 403 403 403
DELETE /api/v1/workers/{name}                                        401 403 403 403 403 403 403 204 401 401 403 403 403
POST   /api/worker/v1/claims                                         401 401 401 401 401 401 401 401 404 401 401 401 401
POST   /api/worker/v1/hello                                          401 401 401 401 401 401 401 401 200 401 401 401 401
PUT    /api/worker/v1/runs/{held}/cases                              401 410 410 410 410 410 410 410 410 204 410 410 410
GET    /api/worker/v1/runs/{held}/files/{role}                       401 410 410 410 410 410 410 410 410 403 410 410 410
POST   /api/worker/v1/runs/{held}/heartbeat                          401 410 410 410 410 410 410 410 410 200 410 410 410
POST   /api/worker/v1/runs/{held}/logs                               401 410 410 410 410 410 410 410 410 204 410 410 410
PUT    /api/worker/v1/runs/{held}/outputs                            401 410 410 410 410 410 410 410 410 204 410 410 410
POST   /api/worker/v1/runs/{held}/release                            401 410 410 410 410 410 410 410 410 204 410 410 410
POST   /api/worker/v1/runs/{held}/report                             401 410 410 410 410 410 410 410 410 204 410 410 410
POST   /api/worker/v1/runs/{held}/stage                              401 410 410 410 410 410 410 410 410 200 410 410 410
GET    /                                                             303 303 303 303 303 303 303 303 303 303 303 303 303
GET    /account                                                      303 200 200 200 200 200 200 200 303 303 403 403 403
POST   /account/password                                             401 403 403 403 403 403 403 403 401 401 403 403 403
POST   /account/tokens                                               401 303 303 303 303 303 303 303 401 401 403 403 403
POST   /account/tokens/{token_id}/revoke                             401 404 303 404 404 404 404 404 401 401 403 403 403
GET    /admin/workers                                                303 403 403 403 403 403 403 200 303 303 403 403 403
GET    /api                                                          200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges                                                   200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}                                            200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/alerts                                     303 403 403 403 200 403 200 200 303 303 403 403 403
POST   /challenges/{slug}/alerts/{alert_id}/dismiss                  401 403 403 403 404 403 404 404 401 401 403 403 403
GET    /challenges/{slug}/files/{path}                               200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/join                                       303 200 200 200 200 200 200 200 303 303 403 403 403
POST   /challenges/{slug}/join                                       401 303 303 303 303 303 303 303 401 401 403 403 403
GET    /challenges/{slug}/leaderboard                                200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/leaderboard.csv                            200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/pages/{page_slug}                          200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/participants                               303 403 403 403 200 403 200 200 303 303 403 403 403
POST   /challenges/{slug}/participants/{username}/{decision}         401 403 403 403 303 403 303 303 401 401 403 403 403
GET    /challenges/{slug}/phases                                     200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/phases/{index}/public-data                 200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/phases/{index}/starting-kit                200 200 200 200 200 200 200 200 303 303 403 403 403
POST   /challenges/{slug}/publish                                    401 403 403 403 303 403 303 303 401 401 403 403 403
GET    /challenges/{slug}/solutions/{index}                          303 403 403 403 200 403 200 200 303 303 403 403 403
GET    /challenges/{slug}/submissions                                303 200 200 200 200 200 200 200 303 303 403 403 403
GET    /challenges/{slug}/submit                                     303 200 200 200 200 200 200 200 303 303 403 403 403
POST   /challenges/{slug}/submit                                     401 403 303 303 403 403 403 403 401 401 403 403 403
GET    /challenges/{slug}/terms                                      200 200 200 200 200 200 200 200 303 303 403 403 403
GET    /healthz                                                      200 200 200 200 200 200 200 200 200 200 200 200 200
GET    /metrics                                                      200 200 200 200 200 200 200 200 200 200 200 200 200
GET    /readyz                                                       200 200 200 200 200 200 200 200 200 200 200 200 200
GET    /sign-in                                                      200 303 303 303 303 303 303 303 303 303 403 403 403
POST   /sign-in                                                      401 401 401 401 401 401 401 401 401 401 403 403 403
POST   /sign-out                                                     303 303 303 303 303 303 303 303 401 401 403 403 403
GET    /sign-up                                                      200 303 303 303 303 303 303 303 303 303 403 403 403
POST   /sign-up                                                      422 422 422 422 422 422 422 422 401 401 403 403 403
GET    /submissions/{scored}                                         303 404 200 404 200 404 200 200 303 303 403 403 403
POST   /submissions/{waiting}/cancel                                 401 404 303 404 303 404 303 303 401 401 403 403 403
GET    /submissions/{scored}/facts                                   303 404 200 404 403 404 403 403 303 303 403 403 403
POST   /submissions/{scored}/facts                                   401 404 303 404 403 404 403 403 401 401 403 403 403
POST   /submissions/{scored}/leaderboard                             401 404 303 404 303 404 303 303 401 401 403 403 403
POST   /submissions/{scored}/leaderboard/withdraw                    401 404 303 404 303 404 303 303 401 401 403 403 403
GET    /submissions/{scored}/log                                     303 404 200 404 200 404 200 200 303 303 403 403 403
POST   /submissions/{scored}/publicity                               401 404 303 404 403 404 403 403 401 401 403 403 403
POST   /submissions/{scored}/rerun                                   401 404 403 404 303 404 303 303 401 401 403 403 403
POST   /submissions/{scored}/rescore                                 401 404 403 404 303 404 303 303 401 401 403 403 403
POST   /submissions/{waiting}/start                                  401 404 403 404 409 404 409 409 401 401 403 403 403
"""

DRAFT = """
GET    /api/v1/challenges/{slug}                                     404 404 404 404 404 200 404 200 401 401 200 404 404
PUT    /api/v1/challenges/{slug}                                     401 404 404 404 404 422 404 422 401 401 403 403 403
GET    /api/v1/challenges/{slug}/alerts                              401 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/challenges/{slug}/collaborators                       401 404 404 404 404 200 404 200 401 401 200 404 404
DELETE /api/v1/challenges/{slug}/collaborators/{username}            401 404 404 404 404 404 404 404 401 401 403 403 403
PUT    /api/v1/challenges/{slug}/collaborators/{username}            401 404 404 404 404 200 404 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/export                              401 404 404 404 404 200 404 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/kit                                 404 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/challenges/{slug}/leaderboard                         404 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/challenges/{slug}/logo                                404 404 404 404 404 200 404 200 401 401 200 404 404
POST   /api/v1/challenges/{slug}/migrate                             401 404 404 404 404 409 404 409 401 401 403 403 403
GET    /api/v1/challenges/{slug}/participants                        401 404 404 404 404 200 404 200 401 401 200 404 404
POST   /api/v1/challenges/{slug}/participants                        401 404 404 404 404 201 404 201 401 401 403 404 404
POST   /api/v1/challenges/{slug}/participants/{username}/{decision}  401 404 404 404 404 404 404 404 401 401 403 403 403
DELETE /api/v1/challenges/{slug}/phases/{index}/pins                 401 404 404 404 404 200 404 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/pins                                401 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/challenges/{slug}/public-submissions                  404 404 404 404 404 200 404 200 401 401 200 404 404
POST   /api/v1/challenges/{slug}/publish                             401 404 404 404 404 200 404 200 401 401 403 403 403
GET    /api/v1/challenges/{slug}/quota                               401 404 404 404 404 200 404 403 401 401 403 404 404
GET    /api/v1/challenges/{slug}/submission-form                     404 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/challenges/{slug}/submissions                         401 404 404 404 404 200 404 200 401 401 200 404 404
POST   /api/v1/challenges/{slug}/submissions                         401 404 404 404 404 201 404 403 401 401 403 404 404
GET    /api/v1/entries/{entry}/detailed-results                      404 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/runs/{run}/cases                                      401 404 404 404 404 200 404 200 401 401 403 403 403
GET    /api/v1/runs/{run}/detailed-results                           401 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/runs/{run}/outputs                                    401 404 404 404 404 200 404 200 401 401 403 404 404
GET    /api/v1/runs/{run}/record                                     401 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/runs/{run}/records                                    401 404 404 404 404 200 404 200 401 401 200 404 404
GET    /api/v1/submissions/{scored}                                  401 404 404 404 404 200 404 200 401 401 200 404 404
PATCH  /api/v1/submissions/{scored}                                  401 404 404 404 404 200 404 403 401 401 403 404 404
POST   /api/v1/submissions/{waiting}/cancel                          401 404 404 404 404 200 404 200 401 401 403 404 404
GET    /api/v1/submissions/{scored}/file                             401 404 404 404 404 200 404 200 401 401 403 404 404
DELETE /api/v1/submissions/{scored}/leaderboard                      401 404 404 404 404 200 404 200 401 401 403 404 404
POST   /api/v1/submissions/{scored}/leaderboard                      401 404 404 404 404 200 404 200 401 401 403 404 404
GET    /api/v1/submissions/{scored}/logs                             401 404 404 404 404 200 404 200 401 401 403 404 404
POST   /api/v1/submissions/{scored}/publicity                        401 404 404 404 404 200 404 403 401 401 403 403 403
POST   /api/v1/submissions/{scored}/rerun                            401 404 404 404 404 200 404 200 401 401 403 403 403
POST   /api/v1/submissions/{scored}/rescore                          401 404 404 404 404 200 404 200 401 401 403 403 403
GET    /api/v1/submissions/{scored}/runs                             401 404 404 404 404 200 404 200 401 401 200 404 404
POST   /api/v1/submissions/{waiting}/start                           401 404 404 404 404 409 404 409 401 401 403 403 403
PUT    /api/worker/v1/runs/{held}/cases                              401 410 410 410 410 410 410 410 410 410 410 410 410
GET    /api/worker/v1/runs/{held}/files/{role}                       401 410 410 410 410 410 410 410 410 410 410 410 410
POST   /api/worker/v1/runs/{held}/heartbeat                          401 410 410 410 410 410 410 410 410 410 410 410 410
POST   /api/worker/v1/runs/{held}/logs                               401 410 410 410 410 410 410 410 410 410 410 410 410
PUT    /api/worker/v1/runs/{held}/outputs                            401 410 410 410 410 410 410 410 410 410 410 410 410
POST   /api/worker/v1/runs/{held}/release                            401 410 410 410 410 410 410 410 410 410 410 410 410
POST   /api/worker/v1/runs/{held}/report                             401 410 410 410 410 410 410 410 410 410 410 410 410
POST   /api/worker/v1/runs/{held}/stage                              401 410 410 410 410 410 410 410 410 410 410 410 410
GET    /challenges/{slug}                                            404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/alerts                                     303 404 404 404 404 200 404 200 303 303 403 403 403
POST   /challenges/{slug}/alerts/{alert_id}/dismiss                  401 404 404 404 404 404 404 404 401 401 403 403 403
GET    /challenges/{slug}/files/{path}                               404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/join                                       303 404 404 404 404 200 404 200 303 303 403 403 403
POST   /challenges/{slug}/join                                       401 404 404 404 404 303 404 303 401 401 403 403 403
GET    /challenges/{slug}/leaderboard                                404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/leaderboard.csv                            404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/pages/{page_slug}                          404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/participants                               303 404 404 404 404 200 404 200 303 303 403 403 403
POST   /challenges/{slug}/participants/{username}/{decision}         401 404 404 404 404 404 404 404 401 401 403 403 403
GET    /challenges/{slug}/phases                                     404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/phases/{index}/public-data                 404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/phases/{index}/starting-kit                404 404 404 404 404 200 404 200 303 303 403 403 403
POST   /challenges/{slug}/publish                                    401 404 404 404 404 303 404 303 401 401 403 403 403
GET    /challenges/{slug}/solutions/{index}                          303 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/submissions                                303 404 404 404 404 200 404 200 303 303 403 403 403
GET    /challenges/{slug}/submit                                     303 404 404 404 404 200 404 200 303 303 403 403 403
POST   /challenges/{slug}/submit                                     401 404 404 404 404 303 404 403 401 401 403 403 403
GET    /challenges/{slug}/terms                                      404 404 404 404 404 200 404 200 303 303 403 403 403
GET    /submissions/{scored}                                         303 404 404 404 404 200 404 200 303 303 403 403 403
POST   /submissions/{waiting}/cancel                                 401 404 404 404 404 303 404 303 401 401 403 403 403
GET    /submissions/{scored}/facts                                   303 404 404 404 404 200 404 403 303 303 403 403 403
POST   /submissions/{scored}/facts                                   401 404 404 404 404 303 404 403 401 401 403 403 403
POST   /submissions/{scored}/leaderboard                             401 404 404 404 404 303 404 303 401 401 403 403 403
POST   /submissions/{scored}/leaderboard/withdraw                    401 404 404 404 404 303 404 303 401 401 403 403 403
GET    /submissions/{scored}/log                                     303 404 404 404 404 200 404 200 303 303 403 403 403
POST   /submissions/{scored}/publicity                               401 404 404 404 404 303 404 403 401 401 403 403 403
POST   /submissions/{scored}/rerun                                   401 404 404 404 404 303 404 303 401 401 403 403 403
POST   /submissions/{scored}/rescore                                 401 404 404 404 404 303 404 303 401 401 403 403 403
POST   /submissions/{waiting}/start                                  401 404 404 404 404 409 404 409 401 401 403 403 403
"""

NO_ENDPOINTS_OF_OURS = ("/static",)
UPLOAD = {"files": {"file": ("a.zip", RESULTS_ZIP)}}
HELLO = {"version": "0", "hostname": "test", "slots": 1, "gpus": []}
TABLE = b"case,truth\n1,1\n"
NEW = {"username": "newcomer", "password": "correct horse"}
CONTENT = {
    "POST /api/v1/users": {"json": NEW},
    "POST /api/v1/tokens": {"json": NEW},
    "POST /api/v1/me/password": {"json": {"old": "wrong", "new": "correct horses"}},
    "POST /api/v1/challenges": UPLOAD,
    "PUT /api/v1/challenges/{slug}": UPLOAD,
    "POST /api/v1/challenges/{slug}/submissions": UPLOAD,
    "POST /api/v1/challenges/{slug}/migrate": {"params": {"to": "Practice"}},
    "PATCH /api/v1/submissions/{scored}": {"json": {"fact_sheet": {}}},
    "POST /api/v1/submissions/{scored}/publicity": {"json": {"public": False}},
    "POST /api/v1/workers": {"json": {"name": "w2", "queue": "default"}},
    "POST /api/worker/v1/hello": {"json": HELLO},
    "POST /api/worker/v1/claims": {"json": {"run_id": 10**6, "free_gpus": 0}},
    "POST /api/worker/v1/runs/{held}/stage": {"json": {"stage": "preparing"}},
    "POST /api/worker/v1/runs/{held}/logs": {"json": {"stage": "preparing", "position": 0, "text": "x"}},
    "POST /api/worker/v1/runs/{held}/report": {"json": {"failure": "run_failed"}},
    "PUT /api/worker/v1/runs/{held}/cases": {
        "content": TABLE,
        "headers": {"X-Content-SHA256": hashlib.sha256(TABLE).hexdigest()},
    },
    "PUT /api/worker/v1/runs/{held}/outputs": {
        "content": TABLE,
        "headers": {"X-Content-SHA256": hashlib.sha256(TABLE).hexdigest()},
    },
    "POST /challenges/{slug}/submit": UPLOAD,
    "POST /challenges/{slug}/join": {"data": {"accept": "yes"}},
    "POST /account/tokens": {"data": {"name": "laptop"}},
    "POST /account/password": {"data": {"old": "wrong", "new": "correct horses"}},
    "POST /sign-up": {"data": {"username": "x"}},
    "POST /sign-in": {"data": NEW},
}
"""What a call sends: good enough to be taken from whoever may call."""


def rows(table: str) -> dict[str, str]:
    """`METHOD /path` → the statuses, as they stand in the table."""
    found = {}
    for line in table.strip().splitlines():
        method, path, *statuses = line.split()
        found[f"{method} {path}"] = " ".join(statuses)
    return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[PermissionStage]:
    often = dict.fromkeys(("sign_in_attempts", "address_attempts", "upload_attempts"), "1000000/minute")
    with running_platform(tmp_path_factory.mktemp("matrix") / "data", **often) as platform:
        stage = PermissionStage(platform)
        yield stage
        stage.close()


def asked(stage: PermissionStage, endpoint: str, objects: Objects, roles: Sequence[str] = ROLES) -> str:
    method, path = endpoint.split()
    filled = path.format(
        **vars(objects),
        index=0,
        page_slug="overview",
        path="pictures/scanner.png",
        username="bob",
        decision="approve",
        token_id=stage.alices_token,
        alert_id=1,
        name="w1",
        role="reference_data",
    )
    is_page = not path.startswith("/api/")
    content = CONTENT.get(endpoint, {})
    return " ".join(str(stage.ask(role, method, filled, is_page=is_page, **content)) for role in roles)


@pytest.mark.parametrize("endpoint", rows(TINY))
def test_strangers_and_participants(stage, endpoint):
    few = ("nobody", "stranger", "alice")
    statuses = dict(zip(ROLES, rows(TINY)[endpoint].split(), strict=True))
    assert asked(stage, endpoint, stage.tiny, few) == " ".join(statuses[role] for role in few)


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", rows(TINY))
def test_who_may(stage, endpoint):
    assert asked(stage, endpoint, stage.tiny) == rows(TINY)[endpoint], ROLES


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", rows(DRAFT))
def test_a_draft_is_there_for_its_organizer_and_administrators_alone(stage, endpoint):
    assert asked(stage, endpoint, stage.draft) == rows(DRAFT)[endpoint], ROLES


def endpoints() -> set[str]:
    """All that the application answers; the paths' fields have the names that ours have."""
    found = set()
    for route in iter_route_contexts(create_app().routes):
        path = (route.path or "").replace(":path}", "}")
        if not path.startswith(NO_ENDPOINTS_OF_OURS):
            found |= {f"{method} {path}" for method in route.methods or () if method != "HEAD"}
    return found


def general(endpoint: str) -> str:
    named = {"scored": "submission_id", "waiting": "submission_id", "run": "run_id", "held": "run_id"}
    return re.sub(r"\{(\w+)\}", lambda field: f"{{{named.get(field[1], field[1])}}}", endpoint).replace(
        "{entry}", "{entry_id}"
    )


def test_every_endpoint_is_in_the_table(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDICI_DATA_DIR", str(tmp_path))
    assert {general(endpoint) for endpoint in rows(TINY)} == endpoints()


def test_all_that_names_an_object_is_asked_of_the_draft(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDICI_DATA_DIR", str(tmp_path))
    of_a_challenge = ("{slug}", "{scored}", "{waiting}", "{run}", "{held}", "{entry}")
    assert set(rows(DRAFT)) == {row for row in rows(TINY) if any(name in row for name in of_a_challenge)}
