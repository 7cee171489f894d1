#!/usr/bin/env bash
# models.sh - the models that test/lib/client.c uses, made in this folder with tools and generators of PATH.
set -eu
temporal() { va-weights init --arch mamba-va --channels 8,8 --kernel 3 --layers 1 "$@"; }
make_detector red.h5
va-weights init --arch vit_tiny -o enc.h5
temporal --in-dim 192 -o model.h5
temporal --in-dim 192 --lookahead 4 -o ahead.h5
temporal --in-dim 100 -o other.h5
head -c 3000 model.h5 >cut.h5
