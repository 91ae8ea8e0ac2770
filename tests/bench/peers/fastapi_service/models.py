from datetime import UTC as utc
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Integer, String, Text, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UTC(TypeDecorator):
    """`timestamp without time zone` that accepts the aware datetimes of OData literals (asyncpg refuses to mix them)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is not None and value.tzinfo is not None:
            value = value.astimezone(utc).replace(tzinfo=None)
        return value


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {int: Integer, str: String, bool: Boolean, datetime: UTC, dict: JSONB, UUID: Uuid}


def big(**k):
    return mapped_column(BigInteger, **k)


class Message(Base):
    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[int]
    inbox_id: Mapped[int]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    message_type: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    private: Mapped[bool]
    status: Mapped[int | None]
    source_id: Mapped[str | None]
    content_type: Mapped[int]
    content_attributes: Mapped[dict | None]
    sender_type: Mapped[str | None]
    sender_id: Mapped[int | None] = big()
    external_source_ids: Mapped[dict | None]


class Conversation(Base):
    __tablename__ = "conversations"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    inbox_id: Mapped[int]
    status: Mapped[int]
    assignee_id: Mapped[int | None] = big()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    contact_id: Mapped[int | None] = big()
    display_id: Mapped[int]
    contact_last_seen_at: Mapped[datetime | None]
    agent_last_seen_at: Mapped[datetime | None]
    additional_attributes: Mapped[dict | None]
    contact_inbox_id: Mapped[int | None] = big()
    uuid: Mapped[UUID]
    identifier: Mapped[str | None]
    last_activity_at: Mapped[datetime]
    team_id: Mapped[int | None] = big()
    campaign_id: Mapped[int | None] = big()
    snoozed_until: Mapped[datetime | None]
    custom_attributes: Mapped[dict | None]
    assignee_last_seen_at: Mapped[datetime | None]
    Message: Mapped[list["Message"]] = relationship("Message", order_by="Message.id", viewonly=True)


class Inbox(Base):
    __tablename__ = "inboxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int]
    name: Mapped[str]
    account_id: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    channel_type: Mapped[str | None]
    enable_auto_assignment: Mapped[bool | None]
    greeting_enabled: Mapped[bool | None]
    greeting_message: Mapped[str | None]
    email_address: Mapped[str | None]
    working_hours_enabled: Mapped[bool | None]
    out_of_office_message: Mapped[str | None]
    timezone: Mapped[str | None]
    enable_email_collect: Mapped[bool | None]
    csat_survey_enabled: Mapped[bool | None]
    cognigy_organization_id: Mapped[str | None]
    cognigy_project_id: Mapped[str | None]
    enable_auto_reassignment: Mapped[bool | None]
    conversation_show_all: Mapped[bool | None]


class Label(Base):
    __tablename__ = "labels"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    description: Mapped[str | None]
    color: Mapped[str | None]
    show_on_sidebar: Mapped[bool | None]
    account_id: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str | None]
    uid: Mapped[str | None]
    sign_in_count: Mapped[int | None]
    current_sign_in_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    name: Mapped[str | None]
    display_name: Mapped[str | None]
    email: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    availability: Mapped[int | None]
    ui_settings: Mapped[dict | None]
    custom_attributes: Mapped[dict | None]
    cognigy_user_id: Mapped[str | None]


ENTITIES = {c.__name__: c for c in (Message, Conversation, Inbox, Label, User)}
