"""Chat messages: `POST /api/messages/send/{id}` enqueues one, `GET /api/messages/status/{jobId}` returns its status.

An image is checked in another process and written to UPLOAD_DIR for the worker; the job has only its name. A file is
written unchecked to QCTL_MESSAGE_FILES_DIR, and `GET /api/messages/file/{id}` returns it to be saved. The job
`cleanup-images` deletes images after the message is processed, and files that no message carries; this module deletes
them if the job is refused.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from qctl.catalog.builtin import MAX_TEXT_CHARS
from qctl.errors import JobFailedError, NotFoundError, RefusedError, RejectedError, WaitTimeoutError
from qctl.files.folder import Folder
from qctl.files.message_files import harmless_name
from qctl.gateway import message_bodies
from qctl.gateway.authentication import CurrentUser
from qctl.gateway.dependencies import Backend, Gateway
from qctl.gateway.doors import IMAGE
from qctl.gateway.error_responses import documented
from qctl.gateway.json_requests import JsonRoute
from qctl.gateway.schemas import LINE, ChatMessage
from qctl.jobs.images import upload_name
from qctl.models import MessageFile, OwnedStatus
from qctl.store import chat, chat_reads

router = APIRouter(route_class=JsonRoute, prefix="/api/messages", tags=["messages"])


EXAMPLE_JOB = "0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11"

_TEXT = {"type": "string", "maxLength": MAX_TEXT_CHARS, "example": "hello"}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"text": _TEXT, "image": {"type": "string", "description": "base64 `data:` URL"}},
            },
            "example": {"text": "hello"},
        },
        message_bodies.FORM: {
            "schema": {
                "type": "object",
                "properties": {
                    "text": _TEXT,
                    "image": {"type": "string", "format": "binary", "description": "instead of a file"},
                    "file": {"type": "string", "format": "binary", "description": "any file, instead of an image"},
                },
            }
        },
    },
}

_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file, to be saved",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

DOWNLOAD_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of files, should a browser show one nevertheless."""

CHUNK_BYTES = 1 << 16
"""Bytes of a file that are read at a time."""


class Queued(BaseModel):
    """A message that was enqueued."""

    success: bool = True
    jobId: str = Field(examples=[EXAMPLE_JOB])
    messageId: str = Field(description="id of the message, once it is stored", examples=[EXAMPLE_JOB])
    status: OwnedStatus = "pending"
    message: str = "Message queued for processing"


class MessageStatus(BaseModel):
    """Status of a message. `result` has its `messageId` and the name of its image."""

    success: bool = True
    jobId: str = Field(examples=[EXAMPLE_JOB])
    status: OwnedStatus
    retryCount: int = Field(examples=[0])
    result: Any = Field(None, examples=[{"messageId": "0b0f4a4e-2f0c-4f0e-9e55-7d0b2c1f6a11", "image": None}])


class Unread(BaseModel):
    """Messages that a user has not read."""

    success: bool = True
    unreadCount: int = Field(examples=[3])
    senders: dict[str, int] = Field(description="by the id of their sender", examples=[{"ada": 3}])


@router.post(
    "/send/{id}",
    status_code=202,
    responses=documented(400, 401, 413, 429, 503),
    openapi_extra={"requestBody": _BODY},
)
async def send(
    id: Annotated[str, Path(max_length=200, pattern=LINE, description="id of the receiver", examples=["ada"])],
    request: Request,
    user: CurrentUser,
    gateway: Gateway,
) -> Queued:
    """Send a message: text, and an image (PNG, JPEG, GIF or WebP) or in a form any file, of up to MAX_FILE_SIZE bytes.
    It is stored and delivered asynchronously."""
    await run_in_threadpool(gateway.service.check_limits, user.id)
    async with message_bodies.received(request, gateway.settings.max_file_size) as message:
        image = message.image
        if not message.text and image is None and message.file is None:
            raise HTTPException(400, "a message needs text, an image or a file")
        job_id = str(uuid.uuid4())
        name = None if image is None else upload_name(job_id, await _check_image(request, gateway, user.id, image))
        new = _NewMessage(job_id, user.id, id, message, name, request.state.trace)
        await run_in_threadpool(_enqueue, gateway, new)
    return Queued(jobId=job_id, messageId=job_id)


@router.get("/status/{jobId}", responses=documented(400, 401, 404, 503))
def status(
    jobId: Annotated[str, Path(max_length=200, examples=[EXAMPLE_JOB])], user: CurrentUser, gateway: Gateway
) -> MessageStatus:
    """Status of a message that the user has sent."""
    jobs = [job for job in gateway.service.owned_jobs([jobId]) if job.owner == user.id]
    if not jobs:
        raise NotFoundError("message not found among those that you sent")
    result = None
    if jobs[0].status == "completed":
        try:
            result = gateway.service.result(jobId)
        except (NotFoundError, JobFailedError, WaitTimeoutError):
            result = None  # it expired or was retried in the meantime
    return MessageStatus(jobId=jobId, status=jobs[0].status, retryCount=jobs[0].retries, result=result)


@router.get("/file/{id}", response_class=StreamingResponse, responses=_DOWNLOAD | documented(400, 401, 404, 503))
def download(
    id: Annotated[str, Path(max_length=200, pattern=LINE, description="id of the message", examples=[EXAMPLE_JOB])],
    user: CurrentUser,
    gateway: Gateway,
) -> StreamingResponse:
    """The file of a message that the user has sent or received."""
    message = chat.find_message(gateway.settings, id)
    if message is None or message.file is None or user.id not in (message.sender, message.receiver):
        raise NotFoundError("no file of a message that you have sent or received")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(message.file.name, safe='')}",
        "Content-Length": str(message.file.size),
        "Content-Security-Policy": DOWNLOAD_POLICY,
        "X-Content-Type-Options": "nosniff",
    }
    content = _chunks(gateway.message_files.open(message.file))
    return StreamingResponse(content, headers=headers, media_type="application/octet-stream")


@router.get("/unread", responses=documented(401, 503))
def unread(user: CurrentUser, gateway: Gateway) -> Unread:
    """Number of messages that the user has not read, in all and by sender."""
    counts = chat_reads.count_unread(gateway.settings, user.id)
    return Unread(unreadCount=sum(counts.values()), senders=dict(counts))


@router.post("/{id}/read", responses=documented(400, 401, 503))
def mark_read(
    id: Annotated[str, Path(max_length=64, pattern=LINE, description="id of the sender", examples=["ada"])],
    user: CurrentUser,
    gateway: Gateway,
) -> Unread:
    """Mark the messages that the user has so far from another one as read. Returns what is still unread."""
    newest = chat.newest_message_time(gateway.settings, sender=id, receiver=user.id)
    if newest is not None:
        chat_reads.mark_read(gateway.settings, user.id, id, newest)
    return unread(user, gateway)


@router.get("/{id}", responses=documented(400, 401, 503))
def conversation(
    id: Annotated[str, Path(max_length=64, pattern=LINE, description="id of the other user", examples=["ada"])],
    user: CurrentUser,
    gateway: Gateway,
    page: Annotated[int, Query(ge=1, le=10_000, description="1 has the newest messages")] = 1,
    limit: Annotated[int, Query(ge=1, le=200, description="messages of a page")] = 50,
) -> list[ChatMessage]:
    """Messages between the user and another one, oldest first."""
    messages = chat.read_conversation(gateway.settings, user.id, id, skip=(page - 1) * limit, limit=limit)
    return [ChatMessage.stored(message) for message in messages]


async def _check_image(request: Request, gateway: Backend, sender: str, image: BinaryIO) -> str:
    """The file name extension for an image, which is decoded only if its message would be accepted.

    Raises HTTPException for an invalid image, and RateLimitedError.
    """
    await run_in_threadpool(gateway.service.check_limits, sender)
    attempt = await gateway.doors.enter(request, IMAGE, sender)
    try:
        extension = await gateway.images.extension(image)
    except RejectedError as error:
        raise HTTPException(400, error.message) from None
    await gateway.doors.forgive(attempt)
    return extension


@dataclass(frozen=True)
class _NewMessage:
    """A message that may be sent. `image` is the name of its image in UPLOAD_DIR."""

    job_id: str
    sender: str
    receiver: str
    received: message_bodies.ReceivedMessage
    image: str | None
    trace: str


def _enqueue(gateway: Backend, new: _NewMessage) -> None:
    """Write the image or the file and create the job."""
    uploads = Folder(gateway.settings.uploads)
    file = None
    if new.received.file is not None:
        gateway.service.check_limits(new.sender)  # they may have been reached while the file arrived
        file = MessageFile(new.job_id, harmless_name(new.received.file.name), new.received.file.size)
        gateway.message_files.write(file, new.received.file.content)
    if new.image is not None and new.received.image is not None:
        new.received.image.seek(0)
        with uploads.writing(new.image) as out:
            shutil.copyfileobj(new.received.image, out)
    try:
        gateway.service.send_message(
            senderId=new.sender,
            receiverId=new.receiver,
            text=new.received.text or None,
            image=new.image,
            file=None if file is None else asdict(file),
            owner=new.sender,
            trace_id=new.trace,
            job_id=new.job_id,
        )
    except RefusedError:
        if new.image is not None:
            uploads.remove(new.image)
        if file is not None:
            gateway.message_files.remove(file)
        raise


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
