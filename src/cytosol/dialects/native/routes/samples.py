"""The sample table."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.responses import attachment
from cytosol.base.errors import InvalidInputError
from cytosol.dialects.native.answers import answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.studies import (
    attribute_json,
    import_json,
    sample_json,
    sample_table_json,
)
from cytosol.dialects.native.wire import studies as wire
from cytosol.dialects.native.wire.common import Id

_CSV = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


class SampleRoutes(Routes):
    """Samples, their attributes and values; every change can be undone."""

    tag = "Samples"

    @endpoint("GET", "/studies/{study_id}/samples", gives=wire.SampleTableRecord)
    async def get_samples(self, request: Request, study_id: Id) -> Response:
        """The sample table of a study."""
        table = await self.catalog.samples.table(actor_of(request), study_id=study_id)
        return answer(sample_table_json(table))

    @endpoint("POST", "/studies/{study_id}/samples", gives=wire.SampleRecord, status=201)
    async def create_sample(self, request: Request, study_id: Id, body: wire.SampleRequest) -> Response:
        """Add a sample at the end."""
        view = await self.catalog.samples.add(actor_of(request), study_id=study_id, name=body.name, values=body.values)
        return record_answer(sample_json(view), status=201)

    @endpoint("PATCH", "/samples/{sample_id}", gives=wire.SampleRecord, versioned=True)
    async def change_sample(self, request: Request, sample_id: Id, body: wire.SampleChange) -> Response:
        """Rename or move a sample, or set some of its values."""
        view = await self.catalog.samples.change(
            actor_of(request),
            sample_id=sample_id,
            expected=expected_version(request),
            name=body.name,
            position=body.position,
            values=body.values,
        )
        return record_answer(sample_json(view))

    @endpoint("DELETE", "/samples/{sample_id}", status=204, versioned=True)
    async def delete_sample(self, request: Request, sample_id: Id) -> Response:
        """Remove a sample; its datasets stay."""
        await self.catalog.samples.delete(actor_of(request), sample_id=sample_id, expected=expected_version(request))
        return no_answer()

    @endpoint("POST", "/studies/{study_id}/attributes", gives=wire.AttributeRecord, status=201)
    async def create_attribute(self, request: Request, study_id: Id, body: wire.AttributeRequest) -> Response:
        """Add a column."""
        made = await self.catalog.samples.add_attribute(
            actor_of(request), study_id=study_id, name=body.name, kind=body.kind, unit=body.unit
        )
        return record_answer(attribute_json(made), status=201)

    @endpoint("PATCH", "/attributes/{attribute_id}", gives=wire.AttributeRecord, versioned=True)
    async def change_attribute(self, request: Request, attribute_id: Id, body: wire.AttributeChange) -> Response:
        """Rename or move a column, or change its unit or kind."""
        changed = await self.catalog.samples.change_attribute(
            actor_of(request),
            attribute_id=attribute_id,
            expected=expected_version(request),
            name=body.name,
            kind=body.kind,
            unit=body.unit,
            position=body.position,
        )
        return record_answer(attribute_json(changed))

    @endpoint("DELETE", "/attributes/{attribute_id}", status=204, versioned=True)
    async def delete_attribute(self, request: Request, attribute_id: Id) -> Response:
        """Remove a column with its values."""
        await self.catalog.samples.delete_attribute(
            actor_of(request), attribute_id=attribute_id, expected=expected_version(request)
        )
        return no_answer()

    @endpoint("GET", "/studies/{study_id}/samples.csv", media="text/csv")
    async def get_samples_csv(self, request: Request, study_id: Id) -> Response:
        """The sample table as a CSV file; the first column is the sample's name."""
        text = await self.catalog.samples.write_csv(actor_of(request), study_id=study_id)
        headers = {"content-disposition": attachment("samples.csv"), "cache-control": "no-store"}
        return Response(text.encode(), media_type="text/csv", headers=headers)

    @endpoint("PUT", "/studies/{study_id}/samples.csv", gives=wire.ImportRecord, extra=_CSV)
    async def put_samples_csv(self, request: Request, study_id: Id) -> Response:
        """Take a CSV file in: samples are matched by name, new samples and columns are made.

        An empty cell takes a value away; what the file does not name stays. All or nothing, one revision.
        """
        try:
            text = (await request.body()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInputError(
                "The file is not UTF-8 text", where="samples.csv", do="Save it as CSV in UTF-8"
            ) from error
        return answer(import_json(await self.catalog.samples.read_csv(actor_of(request), study_id=study_id, text=text)))

    @endpoint("POST", "/studies/{study_id}/samples/paste", gives=wire.ImportRecord)
    async def paste_samples(self, request: Request, study_id: Id, body: wire.PasteRequest) -> Response:
        """Take in cells as a spreadsheet puts them on the clipboard; same meaning as a CSV file."""
        report = await self.catalog.samples.paste(actor_of(request), study_id=study_id, text=body.text)
        return answer(import_json(report))
