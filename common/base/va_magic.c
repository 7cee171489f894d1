#include "base/va_magic.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Bytes at an offset that tell a kind of file; the first match counts. */
static const struct {
    int offset, size;
    const char *bytes, *name;
} kinds[] = {
    { 0, 3, "\xff\xd8\xff", "a JPEG picture" },
    { 0, 8, "\x89PNG\r\n\x1a\n", "a PNG picture" },
    { 0, 6, "GIF87a", "a GIF picture" },
    { 0, 6, "GIF89a", "a GIF picture" },
    { 8, 4, "WEBP", "a WebP picture" },
    { 0, 4, "II*\0", "a TIFF picture" },
    { 0, 4, "MM\0*", "a TIFF picture" },
    { 0, 2, "\xff\x0a", "a JPEG XL picture" },
    { 4, 8, "JXL \r\n\x87\n", "a JPEG XL picture" },
    { 4, 8, "jP  \r\n\x87\n", "a JPEG 2000 picture" },
    { 4, 8, "ftypheic", "a HEIC picture" },
    { 4, 8, "ftypheix", "a HEIC picture" },
    { 4, 8, "ftyphevc", "a HEIC picture" },
    { 4, 8, "ftypmif1", "a HEIF picture" },
    { 4, 8, "ftypmsf1", "a HEIF picture" },
    { 4, 8, "ftypavif", "an AVIF picture" },
    { 4, 8, "ftypavis", "an AVIF picture" },
    { 4, 4, "ftyp", "an MP4 or QuickTime video" },
    { 0, 4, "\x1a\x45\xdf\xa3", "a Matroska or WebM video" },
    { 8, 4, "AVI ", "an AVI video" },
    { 8, 4, "WAVE", "a WAV sound" },
    { 0, 4, "OggS", "an Ogg video or sound" },
    { 0, 3, "FLV", "a Flash video" },
    { 0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file" },
    { 0, 4, "PK\3\4", "a zip archive" },
    { 0, 4, "PK\5\6", "an empty zip archive" },
    { 0, 2, "\x1f\x8b", "gzip data (unpack it first)" },
    { 0, 3, "BZh", "bzip2 data (unpack it first)" },
    { 0, 6,
      "\xfd"
      "7zXZ\0",
      "xz data (unpack it first)" },
    { 0, 4, "\x28\xb5\x2f\xfd", "zstd data (unpack it first)" },
    { 0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive (unpack it first)" },
    { 0, 4, "Rar!", "a RAR archive (unpack it first)" },
    { 257, 5, "ustar", "a tar archive (unpack it first)" },
    { 0, 5, "%PDF-", "a PDF document" },
    { 0, 6, "\x93NUMPY", "a NumPy array" },
    { 0, 4,
      "\x7f"
      "ELF",
      "a program" },
    { 0, 18, "version https://gi", "a Git LFS pointer (fetch the file itself: git lfs pull)" },
    { 0, 2, "MZ", "a Windows program" },
    { 0, 4, "8BPS", "a Photoshop picture" },
    { 0, 4, "\x76\x2f\x31\x01", "an OpenEXR picture" },
    { 0, 4, "\0\0\1\0", "an icon" },
    { 0, 3, "P4\n", "a PBM picture" },
    { 0, 3, "P5\n", "a PGM picture" },
    { 0, 3, "P6\n", "a PPM picture" },
    { 0, 4, "GGUF", "a GGUF model" },
    { 0, 3, "\x08\3\x12", "an ONNX model" },
    { 0, 3, "\x08\4\x12", "an ONNX model" },
    { 0, 3, "\x08\5\x12", "an ONNX model" },
    { 0, 3, "\x08\6\x12", "an ONNX model" },
    { 0, 3, "\x08\7\x12", "an ONNX model" },
    { 0, 3, "\x08\x08\x12", "an ONNX model" },
    { 0, 3, "\x08\x09\x12", "an ONNX model" },
    { 0, 3, "\x08\x0a\x12", "an ONNX model" },
    { 4, 4, "TFL3", "a TensorFlow Lite model" },
    { 0, 2, "\x80\2", "a Python pickle" },
    { 0, 2, "\x80\3", "a Python pickle" },
    { 0, 2, "\x80\4", "a Python pickle" },
    { 0, 2, "\x80\5", "a Python pickle" },
    { 0, 2, "BM", "a BMP picture" },
};

static bool begins(const char *text, size_t size, const char *word)
{
    return size >= strlen(word) && !strncasecmp(text, word, strlen(word));
}

static const char *text_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!text[i] || (iscntrl((unsigned char)text[i]) && !isspace((unsigned char)text[i])))
            return NULL;
    while (size && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    if (begins(text, size, "<!doctype html") || begins(text, size, "<html"))
        return "an HTML page";
    if (begins(text, size, "<?xml") || begins(text, size, "<!doctype"))
        return "an XML document";
    if (size && (*text == '{' || *text == '['))
        return "a JSON text";
    return size ? "a text" : NULL;
}

const char *va_magic_name(const void *head, size_t size)
{
    const char *text = head;

    for (size_t i = 0; i < VA_COUNT(kinds); i++)
        if ((size_t)(kinds[i].offset + kinds[i].size) <= size &&
            !memcmp(text + kinds[i].offset, kinds[i].bytes, (size_t)kinds[i].size))
            return kinds[i].name;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        size -= 3;
    }
    return text_name(text, size);
}
