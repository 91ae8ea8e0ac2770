// The tables exist already, so persistence.exists; entities without a namespace have the tables' names.
@cds.persistence.exists entity messages {
  key id : Integer; content : LargeString; account_id : Integer; inbox_id : Integer; conversation_id : Integer;
  message_type : Integer; created_at : Timestamp; updated_at : Timestamp; private : Boolean; status : Integer;
  source_id : String; content_type : Integer; content_attributes : Map; sender_type : String; sender_id : Int64;
  external_source_ids : Map;
  Conversation : Association to conversations on Conversation.id = conversation_id;
  Inbox : Association to inboxes on Inbox.id = inbox_id;
}
@cds.persistence.exists entity conversations {
  key id : Integer; account_id : Integer; inbox_id : Integer; status : Integer; assignee_id : Int64;
  created_at : Timestamp; updated_at : Timestamp; contact_id : Int64; display_id : Integer;
  contact_last_seen_at : Timestamp; agent_last_seen_at : Timestamp; additional_attributes : Map; contact_inbox_id : Int64;
  uuid : UUID; identifier : String; last_activity_at : Timestamp; team_id : Int64; campaign_id : Int64;
  snoozed_until : Timestamp; custom_attributes : Map; assignee_last_seen_at : Timestamp;
  Message : Association to many messages on Message.conversation_id = id;
  Inbox : Association to inboxes on Inbox.id = inbox_id;
  Assignee : Association to users on Assignee.id = assignee_id;
}
@cds.persistence.exists entity inboxes {
  key id : Integer; channel_id : Integer; name : String; account_id : Integer; created_at : Timestamp; updated_at : Timestamp;
  channel_type : String; enable_auto_assignment : Boolean; greeting_enabled : Boolean; greeting_message : String;
  email_address : String; working_hours_enabled : Boolean; out_of_office_message : String; timezone : String;
  enable_email_collect : Boolean; csat_survey_enabled : Boolean; cognigy_organization_id : String; cognigy_project_id : String;
  enable_auto_reassignment : Boolean; conversation_show_all : Boolean;
}
@cds.persistence.exists entity labels {
  key id : Integer; title : String; description : LargeString; color : String; show_on_sidebar : Boolean; account_id : Integer;
  created_at : Timestamp; updated_at : Timestamp;
}
@cds.persistence.exists entity users {
  key id : Integer; provider : String; uid : String; sign_in_count : Integer; current_sign_in_at : Timestamp; last_sign_in_at : Timestamp;
  confirmed_at : Timestamp; name : String; display_name : String; email : String; created_at : Timestamp; updated_at : Timestamp;
  availability : Integer; ui_settings : Map; custom_attributes : Map; cognigy_user_id : String;
}

@path: '/v1.0/odata' @readonly
service ODataService {
  @readonly @cds.redirection.target entity Message as projection on messages;
  @readonly @cds.redirection.target entity Conversation as projection on conversations;
  @readonly @cds.redirection.target entity Inbox as projection on inboxes;
  @readonly @cds.redirection.target entity Label as projection on labels;
  @readonly @cds.redirection.target entity User as projection on users;
}
