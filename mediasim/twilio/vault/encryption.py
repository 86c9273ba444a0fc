"""Encryption of media for the holder of a private key, as Twilio documents it.

The content is encrypted with AES-256 in Galois/Counter Mode by a content encryption key (CEK) of
its own; the file is the ciphertext and the 16 bytes of its authentication tag. The CEK is encrypted
with the customer's public key by RSAES-OAEP with SHA-256 and MGF1 (RFC 8017, section 7.1).

CEK, initialization vector and the seed of OAEP are drawn from the run's seed and the recording's
SID: the same run gives the same bytes. So they are as secret as the seed, which is no secret; this
protects nothing but a test's idea of Twilio. The library draws OAEP's seed itself, so the padding
is done here.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mediasim.exchange.records import Encryption
from mediasim.seeds import Seeds

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["encrypt_file"]

_CHUNK: Final = 1 << 20
_CEK_BYTES: Final = 32
_IV_BYTES: Final = 12


def encrypt_file(
    plain: Path, encrypted: BinaryIO, *, public_key: str, key_sid: str, seeds: Seeds
) -> Encryption:
    """Write a file encrypted for a public key (PEM); return how it is decrypted.

    ``seeds`` are the recording's own. Raises OSError.
    """
    # Not at the start of every sandbox: it takes its time to load.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    cek, iv = seeds.digest("cek", _CEK_BYTES), seeds.digest("iv", _IV_BYTES)
    encryptor = Cipher(algorithms.AES(cek), modes.GCM(iv)).encryptor()
    with plain.open("rb") as file:
        while chunk := file.read(_CHUNK):
            encrypted.write(encryptor.update(chunk))
    encrypted.write(encryptor.finalize() + encryptor.tag)
    key = load_pem_public_key(public_key.encode())
    assert isinstance(key, RSAPublicKey)
    wrapped = _rsaes_oaep(key, cek, seeds.digest("oaep", hashlib.sha256().digest_size))
    return Encryption(key_sid, _base64(wrapped), _base64(iv))


def _rsaes_oaep(key: RSAPublicKey, message: bytes, seed: bytes) -> bytes:
    """Encrypt a short message: RSAES-OAEP-ENCRYPT of RFC 8017 with SHA-256 and an empty label."""
    numbers, size = key.public_numbers(), key.key_size // 8
    label = hashlib.sha256(b"").digest()
    padding = bytes(size - len(message) - 2 * len(label) - 2)
    block = label + padding + b"\x01" + message
    masked_block = _xor(block, _mgf1(seed, len(block)))
    masked_seed = _xor(seed, _mgf1(masked_block, len(seed)))
    encoded = int.from_bytes(b"\x00" + masked_seed + masked_block)
    return pow(encoded, numbers.e, numbers.n).to_bytes(size)


def _mgf1(seed: bytes, size: int) -> bytes:
    """Return a mask: MGF1 of RFC 8017, appendix B.2.1, with SHA-256."""
    digest = hashlib.sha256
    count = -(-size // digest().digest_size)
    return b"".join(digest(seed + number.to_bytes(4)).digest() for number in range(count))[:size]


def _xor(first: bytes, second: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(first, second, strict=True))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
