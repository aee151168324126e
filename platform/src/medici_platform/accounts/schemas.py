from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SignUp(BaseModel):
    username: str = Field(max_length=40)
    password: str = Field(max_length=200)
    email: str | None = Field(default=None, max_length=254)


class TokenRequest(BaseModel):
    username: str = Field(max_length=40)
    password: str = Field(max_length=200)
    name: str = Field(default="api", min_length=1, max_length=80)


class TokenIssued(BaseModel):
    token: str
    username: str


class TokenOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    created_at: datetime
    expires_at: datetime | None


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    username: str
    role: Literal["participant", "organizer", "admin"]
    created_at: datetime
