#include "plot/va_ink.h"

const struct va_ink_look va_ink_looks[VA_INKS] = {
    [VA_INK_PAPER] = { "paper", 0xffffff, 0x14171a, 1, 0 },
    [VA_INK_TEXT] = { "text", 0x1b1f23, 0xe8eaed, 1, 0 },
    [VA_INK_FAINT] = { "faint", 0x57606a, 0xa3abb4, 1, 0 },
    [VA_INK_GRID] = { "grid", 0xe1e4e8, 0x2c3238, 1, 0 },
    [VA_INK_AXIS] = { "axis", 0x8b949e, 0x6e7781, 1, 0 },
    [VA_INK_GAP] = { "gap", 0xb3bac2, 0x565e67, 1, 0 },
    [VA_INK_VALENCE] = { "valence", 0x0072b2, 0x56b4e9, 1.5, 0 },
    [VA_INK_AROUSAL] = { "arousal", 0xc85200, 0xf5a05a, 1.5, 0 },
    [VA_INK_MEAN] = { "mean", 0x00795a, 0x3fd0a4, 1.5, 0 },
    [VA_INK_LABEL] = { "label", 0x444c56, 0xc9d1d9, 1.3, 4 },
    [VA_INK_PATH] = { "path", 0x6e4fa3, 0xc3a6f0, 1, 0 },
    [VA_INK_DENSITY] = { "density1", 0xd6e6f4, 0x15324b, 1, 0 },
    [VA_INK_DENSITY + 1] = { "density2", 0xabd0e6, 0x1d4d75, 1, 0 },
    [VA_INK_DENSITY + 2] = { "density3", 0x6aaed6, 0x2f73aa, 1, 0 },
    [VA_INK_DENSITY + 3] = { "density4", 0x3787c0, 0x5ba3d9, 1, 0 },
    [VA_INK_DENSITY + 4] = { "density5", 0x105ba4, 0xb5d9f7, 1, 0 },
    [VA_INK_SERIES] = { "series1", 0x0072b2, 0x56b4e9, 1.5, 0 },
    [VA_INK_SERIES + 1] = { "series2", 0xc85200, 0xf5a05a, 1.5, 0 },
    [VA_INK_SERIES + 2] = { "series3", 0x00795a, 0x3fd0a4, 1.5, 0 },
    [VA_INK_SERIES + 3] = { "series4", 0xa8447f, 0xe39ac4, 1.5, 0 },
    [VA_INK_SERIES + 4] = { "series5", 0x8a6d00, 0xe8c93a, 1.5, 0 },
    [VA_INK_SERIES + 5] = { "series6", 0x0072b2, 0x56b4e9, 1.5, 5 },
    [VA_INK_SERIES + 6] = { "series7", 0xc85200, 0xf5a05a, 1.5, 5 },
    [VA_INK_SERIES + 7] = { "series8", 0x00795a, 0x3fd0a4, 1.5, 5 },
};

void va_ink_css(FILE *to)
{
    for (int i = 0; i < VA_INKS; i++) {
        const struct va_ink_look *k = &va_ink_looks[i];

        fprintf(to, ".va-%s{fill:#%06x}.va-%s-line{fill:none;stroke:#%06x;stroke-width:%g",
                k->name, (unsigned)k->light, k->name, (unsigned)k->light, k->width);
        if (k->dash > 0)
            fprintf(to, ";stroke-dasharray:%g", k->dash);
        fputs("}\n", to);
    }
    fputs("@media (prefers-color-scheme:dark){\n", to);
    for (int i = 0; i < VA_INKS; i++)
        fprintf(to, ".va-%s{fill:#%06x}.va-%s-line{stroke:#%06x}\n", va_ink_looks[i].name,
                (unsigned)va_ink_looks[i].dark, va_ink_looks[i].name,
                (unsigned)va_ink_looks[i].dark);
    fputs("}\n", to);
}
