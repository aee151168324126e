from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from medici_platform.accounts.rules import LONGEST_TOKEN_DAYS, Scope


class SignUp(BaseModel):
    username: str = Field(max_length=40)
    password: str = Field(max_length=200)
    email: str | None = Field(default=None, max_length=254)


class TokenRequest(BaseModel):
    username: str = Field(max_length=40)
    password: str = Field(max_length=200)
    name: str = Field(default="api", min_length=1, max_length=80)
    scope: Scope = Field(default=Scope.FULL, description="read: looking; submit: a participant's acts too; full: all.")
    days: int | None = Field(default=None, ge=1, le=LONGEST_TOKEN_DAYS, description="Valid for; null: until revoked.")


class PasswordChange(BaseModel):
    old: str = Field(max_length=200)
    new: str = Field(max_length=200)


class TokenIssued(BaseModel):
    token: str
    username: str
    scope: Scope
    expires_at: datetime | None


class TokenOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    username: str
    role: Literal["participant", "organizer", "admin"]
    created_at: datetime
