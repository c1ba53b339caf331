"""Numbers under which companies are registered, for trade or for tax, in many countries."""

from __future__ import annotations

import re

# In parentheses, or behind the name of a register or tax.
NUMBER = re.compile(
    r"[(\[{]\s?(?:co(?:mpany)?\.?\s?(?:reg\.?\s?)?(?:no\.?)?\s?:?\s?)?[A-Z]{0,3}\d{5,12}\s?[-–.]?\s?[A-Z\d]?\s?[)\]}]"
    r"|\b(?:co(?:mpany)?\.?\s?(?:reg(?:istration|\.)?\s?)?no|reg(?:istration|\.)?\s?no|roc|uen|abn|acn|crn|brn|siret|siren|rcs|hr\s?b|kvk|cif|nif|"
    r"rfc|cuit|nit|cnpj|p\.?\s?iva|org\.?\s?n(?:r|o|ummer)|cvr|nip|regon|i[čc]o|d[ií][čc]|oib|cui|uid|ust-?id(?:nr)?|vat (?:reg|no)|gstin?|tin|ein|npwp|y-tunnus|momsnr|orgnr|pib|mb|vergi no|vkn|trn|che-|atu|α\\.?φ\\.?μ|αφμ|adószám"
    r"|инн|огрн|едрпоу)\b.{0,12}\d[\d .-]{3,}",
    re.IGNORECASE,
)
