"""Request and response bodies of users, with examples for the API documentation.

docs/compatibility.md explains the field names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from qctl.models import OwnedJob, OwnedStatus
from qctl.settings.profiles import Shapes
from qctl.store.chat import ChatMessage as StoredMessage
from qctl.store.user_rules import (
    ADDRESS_PATTERN,
    MAX_NAME_CHARACTERS,
    MAX_PASSWORD_CHARACTERS,
    normalise_address,
    normalise_name,
)
from qctl.store.users import User as StoredUser

LINE = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""Pattern of one line of text: no control characters."""

FILE_PATH = "/api/messages/file/"
"""Beginning of the path of a message's file; the id of the message ends it."""

EXAMPLE_ID = "6920b670c1afd03b72e31e73"
EXAMPLE_TIME = "2024-03-20T10:30:00.000Z"


def milliseconds(moment: datetime) -> str:
    """Format a time as JavaScript does: UTC, with milliseconds and a Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(milliseconds, return_type=str)]

Email = Annotated[
    str,
    Field(min_length=3, max_length=254, pattern=ADDRESS_PATTERN, examples=["admin@example.com"]),
    AfterValidator(normalise_address),
]


def _require_text(value: Any) -> Any:
    """Refuse anything but text before other checks, so that an object never reaches a database as a query."""
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic turns only ValueError into a validation error
    return value


Text = Annotated[str, BeforeValidator(_require_text)]


class NewUser(BaseModel):
    """Data of a new user."""

    username: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_NAME_CHARACTERS, pattern=LINE, examples=["admin"]),
        AfterValidator(normalise_name),
    ]
    email: Email
    password: Annotated[
        Text,
        Field(
            max_length=MAX_PASSWORD_CHARACTERS,
            description="QCTL_PASSWORD_LENGTH characters or more, 12 by default, and none of the 10,000 commonest",
            examples=["correct horse battery"],
        ),
    ]


class SignUp(NewUser):
    """Data of a new user, with the invitation that the site asks for."""

    invitation: Annotated[
        Text | None, Field(max_length=200, description="token of `qctl user invite`", examples=["q0V3yZ"])
    ] = None


class Credentials(BaseModel):
    """Email address and password of a login."""

    email: Annotated[Text, Field(max_length=254, examples=["admin@example.com"])]
    password: Annotated[Text, Field(max_length=256, examples=["correct horse"])]


class NewJob(BaseModel):
    """A new job: its name in the catalog, and its arguments."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "My Job"}]})

    name: Annotated[Text, Field(min_length=1, max_length=200, pattern=LINE, examples=["My Job"])]
    data: Annotated[dict[str, Any] | None, Field(examples=[{"receiverId": "ada", "text": "hello"}])] = None


class User(BaseModel):
    """A user, without the password."""

    id: str = Field(serialization_alias="_id", examples=[EXAMPLE_ID])
    username: str = Field(examples=["admin"])
    email: str = Field(examples=["admin@example.com"])
    con: Moment = Field(description="time of creation", examples=[EXAMPLE_TIME])
    mon: Moment = Field(description="time of the last change", examples=[EXAMPLE_TIME])

    @classmethod
    def of(cls, user: StoredUser) -> User:
        """Convert a stored user."""
        return cls(id=user.id, username=user.username, email=user.email, con=user.created, mon=user.modified)


class LoggedIn(BaseModel):
    """The token of a login."""

    success: bool = True
    jwt: str = Field(examples=["eyJhbGciOiJIUzI1NiIs..."])


class LogoutRequest(BaseModel):
    """The logins to end."""

    everywhere: bool = Field(default=False, description="end all logins of the user")


class LoggedOut(BaseModel):
    """A login that has ended."""

    success: bool = True


class Job(BaseModel):
    """A job of a user."""

    id: str = Field(serialization_alias="_id", examples=["0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11"])
    name: str = Field(examples=["My Job"])
    ownerId: str = Field(examples=[EXAMPLE_ID])
    status: OwnedStatus
    retryCount: int = Field(examples=[0])
    con: Moment | None = Field(description="time of creation", examples=["2024-03-20T10:35:00.000Z"])
    mon: Moment | None = Field(description="time of the last event", examples=["2024-03-20T10:35:00.000Z"])

    @classmethod
    def of(cls, job: OwnedJob, shapes: Shapes) -> Job:
        """Convert a job."""
        return cls(
            id=job.id,
            name=job.name,
            ownerId=job.owner,
            status=cast("OwnedStatus", shapes.job_status(job.status)),
            retryCount=job.retries,
            con=job.created,
            mon=job.modified,
        )


class MessageFile(BaseModel):
    """A file of a chat message. `url` is the path that returns it to the message's sender and receiver."""

    name: str = Field(examples=["plan.pdf"])
    size: int = Field(description="in bytes", examples=[48211])
    url: str = Field(examples=["/api/messages/file/0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11"])


class ChatMessage(BaseModel):
    """A chat message. `image` is the name under which it is stored."""

    id: str = Field(serialization_alias="_id", examples=["0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11"])
    senderId: str = Field(examples=[EXAMPLE_ID])
    receiverId: str = Field(examples=["ada"])
    text: str | None = Field(examples=["hello"])
    image: str | None = Field(examples=[None])
    file: MessageFile | None = Field(examples=[None])
    createdAt: Moment = Field(examples=[EXAMPLE_TIME])

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> ChatMessage:
        """Convert a message of an inbox. Raises ValidationError if it is none."""
        file = message.get("file")
        if isinstance(file, Mapping):
            file = {**file, "url": f"{FILE_PATH}{quote(str(message.get('id')), safe='')}"}
        renamed = {**message, "createdAt": message.get("sentAt"), "file": file}
        return cls.model_validate({name: renamed.get(name) for name in cls.model_fields})

    @classmethod
    def stored(cls, message: StoredMessage) -> ChatMessage:
        """Convert a stored message."""
        url = f"{FILE_PATH}{quote(message.id, safe='')}"
        file = None if message.file is None else MessageFile(name=message.file.name, size=message.file.size, url=url)
        return cls(
            id=message.id,
            senderId=message.sender,
            receiverId=message.receiver,
            text=message.text,
            image=message.image,
            file=file,
            createdAt=message.sent_at,
        )


class CreatedJob(BaseModel):
    """A job that was created."""

    success: bool = True
    job: Job


class Jobs(BaseModel):
    """Jobs of a user, the newest first."""

    success: bool = True
    jobs: list[Job]


class Counts(BaseModel):
    """Number of a user's jobs by status; `failed` includes dead letters."""

    pending: int = Field(examples=[2])
    running: int = Field(examples=[1])
    completed: int = Field(examples=[15])
    failed: int = Field(examples=[1])
    total: int = Field(examples=[19])


class Stats(BaseModel):
    """Statistics of a user's jobs."""

    success: bool = True
    stats: Counts


class SystemMetrics(BaseModel):
    """Metrics of the whole system."""

    success: bool = True
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    metrics: dict[str, int | float] = Field(
        examples=[{"jobs:total": 19, "jobs:pending": 2, "jobs:success_rate": 93.75}]
    )


class MetricsReset(BaseModel):
    """Counters that were set to zero."""

    success: bool = True
    message: str = Field(examples=["Metrics reset"])


class ScrapeHealth(BaseModel):
    """Health for a Prometheus that scrapes the gateway."""

    status: Literal["healthy", "unhealthy"]
    timestamp: Moment = Field(examples=[EXAMPLE_TIME])
    service: str = Field(examples=["queuecraft"])


class Healthy(BaseModel):
    """Readiness of the gateway. `denials`: connections and Socket.IO clients refused since it started, by reason."""

    ok: bool
    reason: str | None = None
    denials: dict[str, int] = Field(examples=[{"connections": 0, "unfinished": 2}])


class Failure(BaseModel):
    """Body of every error response."""

    success: bool = False
    error: str = Field(examples=["Invalid request"])
    message: str | None = None
    retryAfter: int | None = Field(default=None, description="seconds to wait before a retry")
    traceId: str | None = Field(default=None, description="X-Trace-Id of the request, by which its log lines are found")
