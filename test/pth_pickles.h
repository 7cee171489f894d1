/*
 * pth_pickles.h - pickles that torch.save would write; those that are hostile are in pth_loops.h.
 */
#ifndef PTH_PICKLES_H
#define PTH_PICKLES_H

#include "test/pth_build.h"

enum { FLOATS = 6 };

#define PROTO2   "\x80\x02"
#define GLOBAL_V "ctorch._utils\n_rebuild_tensor_v2\n"

/* ---- pickles ---------------------------------------------------------------------------- */

static const struct pth_spec whole = { "FloatStorage", "0", FLOATS, 0, 2, { 2, 3 }, { 3, 1 } };
static const struct pth_spec turned = { "FloatStorage", "0", FLOATS, 0, 2, { 3, 2 }, { 1, 3 } };
static const struct pth_spec part = { "FloatStorage", "0", FLOATS, 4, 1, { 2 }, { 1 } };

/* {"model": {"w": whole, "t": turned, "inner": {"b": part}}, "epoch": 3, "args": Namespace} */
static inline void good_pickle(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}(");
    pth_text(b, "model");
    PTH(b, "ccollections\nOrderedDict\n)R(");
    pth_text(b, "w");
    pth_tensor(b, &whole);
    pth_text(b, "t");
    pth_tensor(b, &turned);
    pth_text(b, "inner");
    PTH(b, "}");
    pth_text(b, "b");
    pth_tensor(b, &part);
    PTH(b, "su");
    pth_text(b, "epoch");
    pth_number(b, 3);
    pth_text(b, "args");
    PTH(b, "cargparse\nNamespace\n)\x81"
           "}");
    pth_text(b, "lr");
    PTH(b, "G\x3f\x50\x62\x4d\xd2\xf1\xa9\xfc"
           "sbu.");
}

/* What training leaves beside a model: an object of a class that nobody knows, made, filled and
 * given attributes in every way that pickles have. None of it may be run. */
static inline void objects(struct pth_bytes *b)
{
    PTH(b, "](");
    PTH(b, "cdatetime\ndatetime\nC\x02\x07\xe9\x85R"); /* called */
    PTH(b, "ctorch.torch_version\nTorchVersion\nX\x03\0\0\0"
           "2.4\x85\x81");
    PTH(b, "cmmengine.config\nConfigDict\n)\x81(K\1K\2K\3K\4u"); /* a dict of its own kind */
    PTH(b, "ccollections\ndeque\n)R(K\1K\2e");
    PTH(b, "clib\nFrozen\n)}\x92"); /* with named arguments */
    PTH(b, "(cold\nStyle\nK\1o");   /* as Python 2 had them */
    PTH(b, "cos\nsystem\nX\x0b\0\0\0touch owned\x85R");
    PTH(b, "cargparse\nNamespace\n)\x81}X\x0c\0\0\0__setstate__cposix\nsystem\nsb");
    PTH(b, "cfunctools\npartial\ncbuiltins\neval\n\x85R(K\1)}Ntb");
    PTH(b, "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R"
           "C\x08"
           "12345678\x86R");
    PTH(b, "cbuiltins\ngetattr\ncm\nEnum\nX\1\0\0\0A\x86R)R"); /* what a call gives is called */
    PTH(b, "ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R");
    PTH(b, "e");
}

/* {"callbacks": {class: {"best": part}}, "all": objects, "state_dict": {"w": whole, "when":
 * object, class: part, "q": quantised, "s": of a subclass}} */
static inline void pickle_objects(struct pth_bytes *b)
{
    static const struct pth_spec bytes = {
        "QInt8Storage", "0", 4 * FLOATS, 0, 1, { 4 }, { 1 }
    };

    PTH(b, PROTO2 "}(");
    pth_text(b, "callbacks");
    PTH(b, "}cpytorch_lightning.callbacks\nModelCheckpoint\n}");
    pth_text(b, "best");
    pth_tensor(b, &part);
    PTH(b, "ss");
    pth_text(b, "all");
    objects(b);
    pth_text(b, "state_dict");
    PTH(b, "}(");
    pth_text(b, "w");
    pth_tensor(b, &whole);
    pth_text(b, "when");
    PTH(b, "cdatetime\ndate\n)R");
    PTH(b, "clib\nKey\n");
    pth_tensor(b, &part);
    pth_text(b, "q");
    PTH(b, "ctorch._utils\n_rebuild_qtensor\n(");
    pth_storage(b, bytes.class_, bytes.key, bytes.count);
    PTH(b, "tR");
    pth_text(b, "s");
    PTH(b, "ctorch._tensor\n_rebuild_from_type_v2\n(" GLOBAL_V "clib\nSubclass\nN}tRuu.");
}

/* {"student": {"w": whole}, "epoch": 3, "teacher": {"inner": {"w": part}}} */
static inline void pickle_two(struct pth_bytes *b)
{
    PTH(b, PROTO2 "}(");
    pth_text(b, "student");
    PTH(b, "}");
    pth_text(b, "w");
    pth_tensor(b, &whole);
    PTH(b, "s");
    pth_text(b, "epoch");
    PTH(b, "K\3");
    pth_text(b, "teacher");
    PTH(b, "}");
    pth_text(b, "inner");
    PTH(b, "}");
    pth_text(b, "w");
    pth_tensor(b, &part);
    PTH(b, "ssu.");
}

/* The same tensors, without the rest, as protocol 4 writes it: frame, short strings, memo. */
static inline void good_pickle4(struct pth_bytes *b)
{
    static const char text[] =
        "}\x94(\x8c\x01w\x94\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93\x94(("
        "\x8c\x07storage\x94\x8c\x05torch\x94\x8c\x0c"
        "FloatStorage\x94\x93\x94\x8c\x01"
        "0\x94\x8c\x03"
        "cpu\x94K\x06t\x94QK\x00K\x02K\x03\x86\x94K\x03K\x01\x86\x94\x89"
        "\x8c\x0b"
        "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94t\x94R\x94\x8c\x01"
        "b\x94h\x04((h\x05h\x08h\x09h\x0aK\x06tQK\x04K\x02\x85\x94K\x01\x85\x94\x89h\x10)Rt\x94R"
        "u.";

    PTH(b, "\x80\x04\x95");
    pth_little(b, sizeof(text) - 1, 8);
    pth_raw(b, text, sizeof(text) - 1);
}

/* One tensor as {"w": tensor}. */
static inline void pickle_of(struct pth_bytes *b, const struct pth_spec *s)
{
    PTH(b, PROTO2 "}");
    pth_text(b, "w");
    pth_tensor(b, s);
    PTH(b, "s.");
}

enum inner { NOTHING, A_MODULE, ITSELF };

/* torch.save(model): a module with the tensor of `spec` and what `inner` is; without the end. */
static inline void pickle_module(struct pth_bytes *b, const struct pth_spec *spec,
                                 enum inner inner)
{
    PTH(b, "cnets\nNet\n)\x81q\x07}(");
    pth_text(b, "training");
    PTH(b, "\x89");
    pth_text(b, "_parameters");
    PTH(b, "}(");
    pth_text(b, "w");
    pth_tensor(b, spec);
    pth_text(b, "bias");
    PTH(b, "Nu");
    pth_text(b, "_buffers");
    PTH(b, "}");
    pth_text(b, "b");
    pth_tensor(b, &part);
    PTH(b, "s");
    pth_text(b, "_modules");
    PTH(b, "}");
    pth_text(b, "inner");
    if (inner == A_MODULE)
        pickle_module(b, &turned, NOTHING);
    else
        PTH(b, "N");
    if (inner == ITSELF)
        PTH(b, "0h\x07");
    PTH(b, "sub");
}

#endif
