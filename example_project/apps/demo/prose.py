"""What people write in an EDMS: titles, comments, reasons. Some of it is hard on whoever has to store it."""

TITLES = (
    "Cleaning of Production Equipment",
    "Handling of Deviations and CAPA",
    "Line Clearance before Packaging",
    "Reinigung und Wartung der Abfüllanlage",
    "Environmental Monitoring in Grade B Rooms",
    "無菌充填ラインの洗浄手順",
    "Qualification of the Autoclave AT‑204",
    "Prélèvement d’échantillons d’eau purifiée",
    "Calibration of Balances below 100 µg",
    "Change Control",
    "Batch Record Review and Release",
    "Training of New Employees",
    "Årlig produktgennemgang",
    "Handling of Out‑of‑Specification Results",
    "Контроль температуры при хранении",
    "Cold Chain 2 °C – 8 °C",
)

PARAGRAPHS = (
    "Purpose: this document describes who does what, when, and how it is recorded.",
    "Scope: all rooms and equipment of the sterile production in building 7.",
    "Responsibility: the head of production; in her absence the deputy.",
    "Records are kept for at least ten years after the batch has expired.",
    "Deviations are reported within one working day (see the form attached).",
    "Temperature 21 °C ± 2 °C, relative humidity ≤ 45 %, Δp ≥ 15 Pa.",
)

COMMENTS = (
    "Please add the acceptance limit in section 4.2.",
    "Limit of 10 µg/cm² ist nicht begründet – bitte Quelle angeben.",
    "Looks good to me 👍",
    "第3章の単位をご確認ください。",
    "Is the reference to the old form still right?",
    'Typo: "recieve" → "receive"; line 3.\nOtherwise fine.',
    "Why 30 minutes?\r\nThe validation report says 45.",
    "Approved with the remark that the annex\tis out of date.",
)

REASONS = (
    "Periodic review",
    "CAPA 2025‑014: limit made stricter",
    "New equipment in room 7.113",
    "Änderung der Zuständigkeit",
    "",
)

GIVEN_NAMES = ("Ana", "Bjørn", "Chiara", "Dmytro", "Éloïse", "Farid", "Grace", "Hye‑jin", "Ines", "Jörg")
FAMILY_NAMES = (
    "Álvarez",
    "Brandt",
    "Çelik",
    "Dvořák",
    "Ekström",
    "Fischer",
    "García",
    "Höfer",
    "Ito",
    "Jansen",
)

DEPARTMENTS = ("Quality Assurance", "Quality Control", "Produktion", "Regulatory Affairs", "Engineering")

BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "",
)
