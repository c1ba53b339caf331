"""Prints office documents to PDF by LibreOffice, which is loaded into this process and kept for the next document.

LibreOfficeKit, its C interface, opens every document with a view, and the view of a spreadsheet fails without a
screen. So our own macro, run through the same interface, opens documents hidden. Macros of documents never run. This
module runs in a decoder process: confined, limited, and replaced when it hangs or dies.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from layers.decoders import packages
from layers.decoders.containers import MARKUP, ZIP_MARKS, opened_zip
from layers.domain.errors import PermanentError
from layers.domain.formats import ODF, OOXML, WORKBOOK

MAX_PAGES = 500
# Of a workbook's XML, or of the whole file in the old format. Larger ones take a minute to print, and are too long to
# read.
MAX_WORKBOOK_BYTES = 16 << 20
# LibreOffice's import and export filter for each format. Naming them keeps it from guessing the format.
FILTERS = {
    f"{OOXML}.wordprocessingml.document": ("MS Word 2007 XML", "writer_pdf_Export"),
    "application/msword": ("MS Word 97", "writer_pdf_Export"),
    f"{ODF}.text": ("writer8", "writer_pdf_Export"),
    "application/rtf": ("Rich Text Format", "writer_pdf_Export"),
    WORKBOOK: ("Calc MS Excel 2007 XML", "calc_pdf_Export"),
    "application/vnd.ms-excel": ("MS Excel 97", "calc_pdf_Export"),
    f"{ODF}.spreadsheet": ("calc8", "calc_pdf_Export"),
    f"{OOXML}.presentationml.presentation": ("Impress MS PowerPoint 2007 XML", "impress_pdf_Export"),
    "application/vnd.ms-powerpoint": ("MS PowerPoint 97", "impress_pdf_Export"),
    f"{ODF}.presentation": ("impress8", "impress_pdf_Export"),
    f"{ODF}.graphics": ("draw8", "draw_pdf_Export"),
}
# Indexes in LibreOfficeKit's function table. Later versions only append to it.
GET_ERROR, RUN_MACRO = 3, 11

DOCTYPE = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {0} PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "{1}">\n'
LIBRARY = "http://openoffice.org/2000/library"
SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/Office"><prop oor:name="ooSetupInstCompleted" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
</oor:items>"""
MACRO = """<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Printing" script:language="StarBasic">
Function Named(propertyName As String, content) As Object
  Dim one As New com.sun.star.beans.PropertyValue
  one.Name = propertyName
  one.Value = content
  Named = one
End Function

Sub PrintAsPdf(source As String, reads As String, target As String, prints As String, pages As String)
  Dim document As Object
  Dim range(0) As New com.sun.star.beans.PropertyValue
  document = StarDesktop.loadComponentFromURL(source, "_blank", 0, Array(Named("FilterName", reads), _
    Named("Hidden", True), Named("ReadOnly", True), Named("UpdateDocMode", 0), Named("MacroExecutionMode", 0), _
    Named("AsTemplate", prints = "calc_pdf_Export"))) ' Columns of a document that was opened as itself keep their widths.
  If IsNull(document) Then Exit Sub
  If document.supportsService("com.sun.star.sheet.SpreadsheetDocument") Then WidenColumns(document)
  range(0).Name = "PageRange"
  range(0).Value = pages
  document.storeToURL(target, Array(Named("FilterName", prints), Named("FilterData", range())))
  document.close(True)
End Sub

' A number, date or result of a formula (content flags 1, 2, 16) that is wider than its column is shown as ###.
' Columns get up to 4 cm (4,000 hundredths of a millimetre). Measuring a long sheet would take too long.
Sub WidenColumns(document As Object)
  Dim sheet As Object, used As Object, column As Object, before As Long, index As Long, at As Long
  On Error Resume Next
  For index = 0 To document.Sheets.Count - 1
    sheet = document.Sheets.getByIndex(index)
    used = sheet.createCursor()
    used.gotoEndOfUsedArea(False)
    If used.RangeAddress.EndRow &lt; 2000 And used.RangeAddress.EndColumn &lt; 100 Then
      For at = 0 To used.RangeAddress.EndColumn
        column = sheet.Columns.getByIndex(at)
        If column.IsVisible And column.queryContentCells(19).Count &gt; 0 Then
          before = column.Width
          column.OptimalWidth = True
          If column.Width &gt; 4000 Then column.Width = 4000
          If column.Width &lt; before Then column.Width = before
        End If
      Next at
    End If
  Next index
End Sub

Sub StoreWithValues(source As String, reads As String, target As String, writes As String)
  Dim document As Object
  document = StarDesktop.loadComponentFromURL(source, "_blank", 0, Array(Named("FilterName", reads), _
    Named("Hidden", True), Named("ReadOnly", True), Named("UpdateDocMode", 0), Named("MacroExecutionMode", 0)))
  If IsNull(document) Then Exit Sub
  document.calculateAll()
  document.storeToURL(target, Array(Named("FilterName", writes)))
  document.close(True)
End Sub
</script:module>
"""


def as_pdf(path: str, media_type: str, into: str, name: str, program: str, pages: str) -> dict[str, Any]:
    """Print pages of the document (such as `1-3,7`; all if empty) to PDF. `program` is LibreOffice's folder of programs.

    Raises PermanentError `corrupt` if there is no PDF afterwards: LibreOffice reports no error.
    """
    from layers.decoders.pdf import count_pages

    _, prints = FILTERS[media_type]
    ranges = (pages or f"1-{MAX_PAGES}").replace(",", ";")  # a comma would end the macro's argument
    pdf = _made("PrintAsPdf", path, media_type, Path(into) / name, program, (prints, ranges))
    return {"name": name, "media_type": "application/pdf", "page_count": count_pages(str(pdf))}


def with_values(path: str, media_type: str, into: str, name: str, program: str) -> dict[str, Any]:
    """Store a workbook as .xlsx with the values of all formulas. Raises as `as_pdf`."""
    _made("StoreWithValues", path, media_type, Path(into) / name, program, (FILTERS[WORKBOOK][0],))
    return {"name": name, "media_type": WORKBOOK}


def _made(macro: str, path: str, media_type: str, target: Path, program: str, more: Sequence[str]) -> Path:
    """What one of the macros makes of the document: the file `target`. `more` are the macro's further arguments."""
    reads, prints = FILTERS[media_type]
    if prints == "calc_pdf_Export" and _content_bytes(path) > MAX_WORKBOOK_BYTES:
        raise PermanentError("too_large", "the workbook is too large to be printed")
    home = Path(os.environ.get("TMPDIR") or target.parent) / "office"
    office = _office(program, home)
    office.restore_folders()
    with packages.canonical(path) as readable:
        arguments = ",".join(f'"{argument}"' for argument in (_url(readable), reads, _url(target), *more))
        office.run(f"macro:///Standard.Printing.{macro}({arguments})")
    if not target.exists() or target.stat().st_size == 0:
        raise PermanentError("corrupt", "the document can't be printed; it may be damaged or protected")
    return target


def _content_bytes(path: str) -> int:
    with open(path, "rb") as stream:
        if stream.read(4) not in ZIP_MARKS:
            return os.stat(path).st_size
    with opened_zip(path) as archive:
        return sum(part.file_size for part in archive.infolist() if part.filename.lower().endswith(MARKUP))


class _Office:
    """LibreOffice, started in this process. It ends only with the process."""

    def __init__(self, program: str, home: Path) -> None:
        self._home = home
        self._write_profile()
        os.environ["HOME"] = str(home)
        library = ctypes.CDLL(str(Path(program) / "libmergedlo.so"))
        start = library.libreofficekit_hook_2
        start.restype, start.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
        self._kit = start(program.encode(), _url(home / "profile").encode())
        if not self._kit:
            raise OSError("LibreOffice does not start")
        self._folders = [folder for folder in home.parent.rglob("*") if folder.is_dir()]

    def restore_folders(self) -> None:
        """Create the folders again that LibreOffice made at its start: the sandbox clears them after each document."""
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        self._write_profile()

    def run(self, macro: str) -> None:
        """Run our own macro. Raises RuntimeError if that fails."""
        if not self._function(RUN_MACRO, ctypes.c_int, ctypes.c_char_p)(self._kit, macro.encode()):
            error = self._function(GET_ERROR, ctypes.c_void_p)(self._kit)
            raise RuntimeError(ctypes.string_at(error).decode("utf-8", "replace") if error else "the macro did not run")

    def _function(self, index: int, result: Any, *arguments: Any) -> Any:
        table = ctypes.cast(self._kit, ctypes.POINTER(ctypes.c_void_p))[0]
        address = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[index]
        return ctypes.CFUNCTYPE(result, ctypes.c_void_p, *arguments)(address)

    def _write_profile(self) -> None:
        user = self._home / "profile" / "user"
        basic = user / "basic" / "Standard"
        basic.mkdir(parents=True, exist_ok=True)
        (user / "registrymodifications.xcu").write_text(SETTINGS)
        (user / "basic" / "script.xlc").write_text(
            DOCTYPE.format("library:libraries", "libraries.dtd")
            + f'<library:libraries xmlns:library="{LIBRARY}"><library:library library:name="Standard" library:link="false"/>'
            "</library:libraries>"
        )
        (basic / "script.xlb").write_text(
            DOCTYPE.format("library:library", "library.dtd")
            + f'<library:library xmlns:library="{LIBRARY}" library:name="Standard" library:readonly="false" '
            'library:passwordprotected="false"><library:element library:name="Printing"/></library:library>'
        )
        (basic / "Printing.xba").write_text(DOCTYPE.format("script:module", "module.dtd") + MACRO)


@cache
def _office(program: str, home: Path) -> _Office:
    return _Office(program, home)


def _url(path: str | Path) -> str:
    return "file://" + quote(str(path))
