"""Which storage a client means."""

from __future__ import annotations

from pathlib import PurePosixPath

from cytosol.base.errors import ForbiddenError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.bioturing.translate import key_of
from cytosol.model.rights import Actor


async def bucket_of(catalog: Catalog, actor: Actor, id: str | None, *, shared: bool) -> Key:
    """The bucket with an id.

    Parameters
    ----------
    id : None = the first of the user's own, else of those of all members
    shared : where no id was given, the first one that belongs to a group or to all members

    Raises
    ------
    NotFoundError
        Where there is none that the user may read.
    """
    if id:
        view = await catalog.storages.get(actor, storage_id=key_of(id, "bucket"))
        if view.storage.kind == "s3":
            return view.storage.id
        raise NotFoundError("There is no such bucket, or it is not shared with you", where=id[:64])
    views = await catalog.storages.list(actor, kind="s3")
    own = [view for view in views if view.storage.owner_id == actor.user_id]
    others = [view for view in views if view.reach != "user"]
    for_all = [view for view in others if view.reach == "all"]
    found = others if shared else own or for_all
    if not found:
        raise NotFoundError(
            "No bucket is mounted for you", do="Ask an administrator: cytosol storage add NAME s3://BUCKET/PREFIX"
        )
    return found[0].storage.id


class ServerFolder:
    """A folder of the server that a client submits from, and the files in it."""

    def __init__(self, storage_id: Key, inside: str, spelled: str) -> None:
        self.storage_id = storage_id
        self._inside = PurePosixPath(inside)
        self._spelled = PurePosixPath(spelled)

    @classmethod
    async def find(cls, catalog: Catalog, actor: Actor, path: str) -> ServerFolder:
        """The folder by its path on the server, or as the name of a storage and a path in it.

        Raises
        ------
        NotFoundError
            Where no mounted storage covers it.
        """
        wanted = path.strip()
        if wanted.startswith("/"):
            storage_id, inside = await catalog.storages.locate(actor, path=wanted)
            return cls(storage_id, inside, wanted)
        name, _, inside = wanted.strip("/").partition("/")
        for view in await catalog.storages.list(actor, kind="folder"):
            if view.storage.name == name:
                return cls(view.storage.id, inside, wanted.strip("/"))
        raise NotFoundError(
            f"No folder of the server is mounted as '{name[:255]}'",
            where="shared_folder_path",
            do="Ask an administrator to mount it: cytosol storage add NAME FOLDER",
        )

    def path(self, file: str) -> str:
        """The path in the storage of a file, given from the folder on or with the folder before it.

        Raises
        ------
        ForbiddenError
            Where the file is not in the folder.
        """
        given = PurePosixPath(file.strip())
        if self._spelled in given.parents:
            given = given.relative_to(self._spelled)
        if given.is_absolute() or ".." in given.parts:
            raise ForbiddenError("The file is not in the shared folder", where=file[:300], do="Name a file inside it")
        return (self._inside / given).as_posix()
