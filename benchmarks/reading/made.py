"""Pages in several languages that are drawn and then damaged as by scanners and cameras. Their text is known."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from layers.decoders import paper

SIZE = (1000, 1400)
PRINT_PX, LEFT_PX, TOP_PX, LINE_PX = 28, 80, 90, 54
TEXTS = {
    "eng": ["Harbour Tools Limited", "12 Quay Street, Bristol BS1 4RW", "Invoice number: 2024-0187", "Date: 25 March 2024",
            "Two paint brushes and a hammer", "Screws, box of five hundred", "Delivery on weekdays only",
            "Please quote our reference", "Subtotal 1,204.50", "Value added tax 20 % 240.90", "Amount due £1,445.40"],
    "deu": ["Müller & Söhne GmbH", "Königstraße 17, 70173 Stuttgart", "Rechnung Nr. 2024-0187", "Datum: 25. März 2024",
            "Zwei Pinsel für größere Flächen", "Schrauben, fünfhundert Stück", "Lieferung nur an Werktagen",
            "Bitte überweisen Sie den Betrag", "Zwischensumme 1.204,50", "Umsatzsteuer 19 % 228,86", "Gesamtbetrag 1.433,36 €"],
    "fra": ["Établissements Lefèvre et Frères", "8 rue de la Forêt, 33000 Bordeaux", "Facture nº 2024-0187",
            "Date : 25 août 2024", "Deux pinceaux très souples", "Boîte de cinq cents vis à tête plate",
            "Livraison dès réception du règlement", "Où que vous soyez, ça arrive à l'heure", "Sous-total 1 204,50",
            "TVA 20 % 240,90", "Montant dû 1 445,40 €"],
    "spa": ["Compañía Española de Muebles", "Calle Peñón 23, 28013 Madrid", "Factura número 2024-0187",
            "Fecha: 25 de marzo de 2024", "Dos brochas pequeñas", "Tornillos, quinientas unidades según catálogo",
            "Envío únicamente en días hábiles", "Gracias por su elección", "Base imponible 1.204,50", "IVA 21 % 252,95",
            "Importe total 1.457,45 €"],
    "ita": ["Falegnameria Città Più", "Via della Libertà 17, 20121 Milano", "Fattura numero 2024-0187",
            "Data: 25 marzo 2024", "Due pennelli perché siano più larghi", "Viti, confezione da cinquecento pezzi",
            "Consegna solo nei giorni feriali", "Grazie per la fiducia, è un piacere", "Imponibile 1.204,50",
            "IVA 22 % 264,99", "Totale da pagare 1.469,49 €"],
    "por": ["Carpintaria São João Limitada", "Rua da Constituição 9, 1250-067 Lisboa", "Fatura número 2024-0187",
            "Data: 25 de março de 2024", "Dois pincéis para superfícies maiores", "Parafusos, quinhentas peças à escolha",
            "Entrega só em dias úteis", "Obrigado pela sua atenção", "Subtotal 1.204,50", "IVA 23 % 277,04",
            "Total a pagar 1.481,54 €"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MadePage:
    path: Path
    text: str
    language: str
    damage: str


def _noise(image: Any, chance: random.Random) -> Any:
    grain = Image.effect_noise(image.size, 60)
    return Image.blend(image, ImageChops.multiply(image, ImageOps.autocontrast(grain)), 0.25)


def _blur(image: Any, chance: random.Random) -> Any:
    return image.filter(ImageFilter.GaussianBlur(1.6))


def _tilt(image: Any, chance: random.Random) -> Any:
    return image.rotate(chance.choice((-1, 1)) * chance.uniform(2.0, 5.0), Image.Resampling.BICUBIC, fillcolor=255)


def _shadow(image: Any, chance: random.Random) -> Any:
    shade = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize(image.size)
    return ImageChops.multiply(image, shade.point(lambda value: 100 + value // 2))


def _angle(image: Any, chance: random.Random) -> Any:
    """As photographed from the side: the far edge is shorter."""
    width, height = image.size
    inset = chance.uniform(0.06, 0.12) * width
    corners = (-inset, 0, -inset * 0.2, height, width + inset * 0.2, height, width + inset, 0)
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=235)


def _small(image: Any, chance: random.Random) -> Any:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)


DAMAGES: dict[str, Callable[[Any, random.Random], Any]] = {
    "none": lambda image, chance: image,
    "noise": _noise,
    "blur": _blur,
    "tilt": _tilt,
    "shadow": _shadow,
    "angle": _angle,
    "small": _small,
    "light on dark": lambda image, chance: ImageOps.invert(image),
    "turned": lambda image, chance: image.transpose(Image.Transpose.ROTATE_90),
    "upside down": lambda image, chance: image.transpose(Image.Transpose.ROTATE_180),
}


def made_pages(folder: Path) -> list[MadePage]:
    """A page for each language and damage, as PNG files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for language, lines in TEXTS.items():
        drawn = _drawn(lines)
        for damage, apply in DAMAGES.items():
            path = folder / f"{language}-{damage.replace(' ', '-')}.png"
            apply(drawn, random.Random(f"{language} {damage}")).save(path)
            pages.append(MadePage(path, "\n".join(lines * 2), language, damage))
    return pages


def _drawn(lines: list[str]) -> Any:
    image = Image.new("L", SIZE, 250)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(paper.packaged_fonts()[0], PRINT_PX)
    for row, line in enumerate(lines * 2):
        draw.text((LEFT_PX, TOP_PX + row * LINE_PX), line, fill=25, font=font)
    return image
