/*
 * The main of a target where there is no libFuzzer: each file named is one input, a folder all of its
 * files. What a sanitizer or fuzz_found finds ends the program.
 */
#include "test/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1 << 24 }; /* bytes of an input */

/* 0, or -1 where the file cannot be read. */
static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(MOST);
    size_t size;

    if (!f || !data) {
        perror(path);
        free(data);
        if (f)
            fclose(f);
        return -1;
    }
    size = fread(data, 1, MOST, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int count = 0;

    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        struct dirent **names = NULL;
        int n = scandir(argv[i], &names, NULL, alphasort);

        if (n < 0) {
            if (replay(argv[i]) < 0)
                return 1;
            count++;
        }
        for (int k = 0; k < n; k++) {
            char path[4096];

            snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
            if (names[k]->d_name[0] != '.') {
                if (replay(path) < 0)
                    return 1;
                count++;
            }
            free(names[k]);
        }
        free(names);
    }
    printf("%d inputs\n", count);
    return count == 0;
}
