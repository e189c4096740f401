"""What is put on record of people and their rights."""

from agentos.audit.acts import Act, register

register(
    Act("person.created", "rights", "user", "Made the account {name}, {role}"),
    Act("person.role", "rights", "key", "Changed the role of {name} to {role}"),
    Act("person.granted", "rights", "key", "Let {name} see {scope}"),
    Act("person.ungranted", "rights", "key", "Took {scope} from what {name} sees"),
    Act("person.bound", "rights", "key", "Bound {name} to the Agno user {agno_user_id}"),
    Act("person.unbound", "rights", "key", "Took back whom {name} was bound to"),
    Act("person.switched_off", "rights", "lock", "Switched the account {name} off"),
    Act("person.switched_on", "rights", "key", "Switched the account {name} on"),
    Act("person.signed_out", "rights", "close", "Signed {name} out of {count} browsers"),
    Act("sign_in.refused", "sign-in", "bad", "Was refused by single sign-on: {why}"),
    Act("sign_in.unproven", "sign-in", "bad", "Failed to sign in by single sign-on: {why}"),
    Act("role.kept", "rights", "key", "Kept the role {role}"),
    Act("role.dropped", "rights", "key", "Deleted the role {role}"),
)
