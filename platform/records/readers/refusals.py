"""What Precis does not read, and what to do instead."""

_PICTURES = ".png .jpg .jpeg .jpe .gif .tif .tiff .heic .heif .webp .bmp .svg .avif .ico"
_DICOM = ".dcm .dicom .dic"
_ARCHIVES = ".7z .rar .gz .tgz .tar .bz2 .xz .zst"
_AS_DOCX = ".doc .dot .odt .ott .docm .dotx .dotm .wpd .pages .wps"
_AS_CSV = ".xls .xlsx .xlsm .xlsb .ods .numbers"
_AS_PDF = ".ppt .pptx .pptm .odp .key .xps .oxps .ps"
_MAIL = ".eml .msg .mbox .pst"
_SOUND = ".mp3 .wav .m4a .ogg .mp4 .mov .avi .mkv .webm"

PICTURE = (
    "Pictures are not taken: a photograph can show who the patient is, and nobody can vouch for words inside it. "
    "Scan paper into a PDF, or type the text."
)
DICOM = (
    "DICOM files are not taken: names stand in their headers and often in the image itself. "
    "Export the report as text, PDF or HL7."
)
ARCHIVE = "Of archives only .zip is read. Unpack this one and pack the files as .zip."
OLD_OFFICE = "Files of old Office programs are not read. Open it and save it as .docx, or a table as .csv."

_ADVICE = {
    **dict.fromkeys(_PICTURES.split(), PICTURE),
    **dict.fromkeys(_DICOM.split(), DICOM),
    **dict.fromkeys(_ARCHIVES.split(), ARCHIVE),
    **dict.fromkeys(_AS_DOCX.split(), "This kind of document is not read. Open it and save it as .docx."),
    **dict.fromkeys(_AS_CSV.split(), "Spreadsheets are not read. Save the sheet as “CSV UTF-8” (.csv)."),
    **dict.fromkeys(_AS_PDF.split(), "This kind of file is not read. Open it and export it as .pdf."),
    **dict.fromkeys(_MAIL.split(), "E-mail is not read. Save the message's text as .txt or .pdf."),
    **dict.fromkeys(
        _SOUND.split(), "Sound and film are not read: a voice identifies. Upload the written text."
    ),
}


def advice_for(suffix: str) -> str:
    return _ADVICE.get(
        suffix, "This kind of file is not read. Save it in one of the forms below and try again."
    )
