"""Checking documents by their published schemas. This module imports slow packages."""

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf.json_format import MessageToDict, Parse, ParseDict, ParseError
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from pinlite.provenance import statement


def read_statement(text: str) -> tuple[dict[str, str], Provenance]:
    """The sha256 of each subject by its name, and the predicate, of an in-toto Statement v1 by SLSA Provenance v1.

    The schemas are the messages that in-toto and SLSA publish: unknown fields and wrong types are refused. They know no
    required fields; those of SLSA are told here, by https://slsa.dev/spec/v1.0/provenance.

    Raises:
        ValueError: It is something else.
    """
    try:
        message = Parse(text, StatementMessage())
        Statement.copy_from_pb(message).validate()
        if not all(subject.name for subject in message.subject):
            raise ValueError("a subject has no name")
        if message.predicate_type != statement.PREDICATE:
            raise ValueError(f"its predicate is of type {message.predicate_type}")
        predicate = ParseDict(MessageToDict(message.predicate), Provenance())
    except ParseError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    definition = predicate.build_definition
    required = {
        "buildType": definition.build_type,
        "externalParameters": definition.external_parameters.fields,
        "builder.id": predicate.run_details.builder.id,
    }
    for name, value in required.items():
        if not value:
            raise ValueError(f"it has no {name}")
    return {subject.name: subject.digest.get("sha256", "") for subject in message.subject}, predicate


def check_sbom(text: str) -> None:
    """Refuse, with a ValueError, what is no CycloneDX 1.6."""
    try:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if error:
        raise ValueError(f"{error.data.message} at {error.data.json_path}")
