/*
 * pth_hostile.h - pickles that torch.save would not write: each with what is to be said of it when
 * it stands in an archive whose storage 0 has six floats.
 */
#ifndef PTH_HOSTILE_H
#define PTH_HOSTILE_H

#include "test/pth_loops.h"

/* ---- hostile pickles in a good archive --------------------------------------------------- */

#define CODE(literal) NULL, literal, sizeof(literal) - 1
#define OBJECT(name)                                                          \
    "found an object of " name ", expected a dict of tensors: save what its " \
    "state_dict() gives, in the program that made it"

static const struct pickle_case {
    const char *name, *said;
    void (*make)(struct pth_bytes *b);
    const char *code;
    size_t size;
} pickles[] = {
    { "system", OBJECT("os.system"), CODE(PROTO2 "cos\nsystem\nX\x0b\0\0\0touch owned\x85R.") },
    { "posix", OBJECT("posix.system"),
      CODE(PROTO2 "cposix\nsystem\nX\x0b\0\0\0touch owned\x85R.") },
    { "eval", OBJECT("builtins.eval"),
      CODE(PROTO2 "cbuiltins\neval\nX\x01\0\0\0"
                  "1\x85R.") },
    { "eval2", OBJECT("__builtin__.eval"),
      CODE(PROTO2 "c__builtin__\neval\nX\x01\0\0\0"
                  "1\x85R.") },
    { "stack-global", OBJECT("os.system"),
      CODE("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.") },
    { "build", OBJECT("argparse.Namespace"), build_code, NULL, 0 },
    { "build-tensor", "byte 180: found attributes for a tensor, expected a dict", build_tensor,
      NULL, 0 },
    { "new-object",
      "byte 23: found a new object of torch.FloatStorage, which no checkpoint needs",
      CODE(PROTO2 "ctorch\nFloatStorage\n)\x81.") },
    { "call-class", "byte 23: found a call of torch.FloatStorage, which no checkpoint needs",
      CODE(PROTO2 "ctorch\nFloatStorage\n)R.") },
    { "call-text", "byte 9: found a call of a string, expected a function or class",
      CODE(PROTO2 "X\x01\0\0\0x)R.") },
    { "dict-of-text", "byte 34: found a dict made of a string, expected a list of pairs",
      CODE(PROTO2 "ccollections\nOrderedDict\nX\x01\0\0\0x\x85R.") },
    { "dict-of-odd", "byte 31: found None in a list for a dict, expected pairs",
      CODE(PROTO2 "ccollections\nOrderedDict\n]Na\x85R.") },
    { "id-text", "byte 8: found a persistent id that is no storage",
      CODE(PROTO2 "X\x01\0\0\0xQ.") },
    { "id-module", "byte 22: found a persistent id that is no storage",
      CODE(PROTO2 "(X\x06\0\0\0moduleNNNN)NNtQ.") },
    { "memo-unset", "byte 2: found memo 7, expected one that was set", CODE(PROTO2 "h\x07.") },
    { "memo-far", "byte 3: found memo 4294967295, expected below 2097152",
      CODE(PROTO2 "Nr\xff\xff\xff\xff.") },
    { "text-long", "byte 2: pickle ends early, expected 4294967279 bytes more",
      CODE(PROTO2 "X\xf0\xff\xff\xff.") },
    { "text8-long", "byte 2: pickle ends early, expected 9223372036854775807 bytes more",
      CODE(PROTO2 "\x8d\0\0\0\0\0\0\0\x80.") },
    { "frame-long", "byte 2: pickle ends early, expected a frame of 65536 bytes",
      CODE("\x80\x04\x95\0\0\1\0\0\0\0\0N.") },
    { "name-long", "byte 2: pickle ends early, expected the name of a global",
      CODE(PROTO2 "cos.system") },
    { "opcode", "byte 2: found opcode 0x69, expected one that torch.save writes",
      CODE(PROTO2 "ios\nsystem\n.") },
    { "extension", "byte 2: found opcode 0x82, expected one that torch.save writes",
      CODE(PROTO2 "\x82\x01.") },
    { "protocol", "byte 0: found protocol 9, expected 2 to 5", CODE("\x80\x09N.") },
    { "no-mark", "byte 2: found no mark on the stack, expected one", CODE(PROTO2 "t.") },
    { "underflow", "byte 3: found 1 values on the stack, expected 2", CODE(PROTO2 "NR.") },
    { "below-mark", "byte 4: found 0 values on the stack, expected 1", CODE(PROTO2 "N(\x85.") },
    { "odd", "byte 5: found a key without a value", CODE(PROTO2 "}(Nu.") },
    { "no-container", "byte 4: found items without a container", CODE(PROTO2 "(Nu.") },
    { "no-list", "byte 5: found items for a dict, expected a list", CODE(PROTO2 "}(Ne.") },
    { "two-values", "byte 4: found 2 values at the end, expected one", CODE(PROTO2 "NN.") },
    { "unfinished", "byte 3: pickle ends early, expected 1 bytes more", CODE(PROTO2 "N") },
    { "marks", "byte 4098: found deeper nesting, expected at most 4096", many_marks, NULL, 0 },
    { "values", "byte 1048578: found more values on the stack, expected at most 1048576",
      many_values, NULL, 0 },
    { "opcodes", "byte 2097153: found more opcodes, expected at most 2097152", many_opcodes,
      NULL, 0 },
    { "items", "byte 15387: found more items, expected at most 4194304", many_items, NULL, 0 },
    { "paths", "found more entries of dicts in dicts, expected at most 1048576", many_paths,
      NULL, 0 },
    { "deep", "found dicts nested deeper, expected at most 16", deep_dicts, NULL, 0 },
    { "self", "found a dict that contains itself, expected a tree", self_dict, NULL, 0 },
    { "negated", "w: found a tensor with the negative bit set, expected plain numbers", negated,
      NULL, 0 },
    { "other-class", OBJECT("argparse.Namespace"), other_class, NULL, 0 },
    { "no-tensor", "byte 69: found a tensor that is not made by a function that makes tensors",
      CODE(PROTO2
           "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nctorch\nTensor\n)NtR.") },
    { "no-parameter", "byte 39: found a parameter of None, expected a tensor",
      CODE(PROTO2 "ctorch._utils\n_rebuild_parameter\n(NNtR.") },
    { "no-storage", "byte 39: found a tensor without a storage, an offset, sizes or strides",
      CODE(PROTO2 GLOBAL_V "(K\0tR.") },
    { "call-size", "byte 16: found a call of torch.Size, which no checkpoint needs",
      CODE(PROTO2 "ctorch\nSize\nN\x85R.") },
    { "ragged",
      "byte 106: found a tensor of 2 sizes and 1 strides, expected equal numbers, at most 64",
      ragged, NULL, 0 },
    { "many-tensors", "byte 393328: found more tensors, expected at most 65536", many_tensors,
      NULL, 0 },
    { "many-entries", "found more tensors, expected at most 16384", many_entries, NULL, 0 },
    { "long-name", "key of a dict: found 599 bytes, expected at most 511", long_name, NULL, 0 },
    { "nameless", "byte 4: found a global without a name", CODE("\x80\x04NN\x93.") },
    { "many-storages", "byte 262208: found more storages, expected at most 65536",
      many_storages, NULL, 0 },
    { "twice-named", "w: found twice in the dict", twice_named, NULL, 0 },
    { "newline", "key of a dict: found a control character in 'w?va-weights: all is well'",
      newline_in_name, NULL, 0 },
    { "tuple-key", "found tensors under keys that are no strings, expected names", tuple_as_key,
      NULL, 0 },
    { "whole-model", "model: " OBJECT("models.Net"),
      CODE(PROTO2 "}X\x05\0\0\0modelcmodels\nNet\n)\x81}bs.") },
    { "object-key", "found tensors under keys that are no strings, expected names",
      object_as_key, NULL, 0 },
    { "no-class", "byte 4: found an old-style object, expected none of a known class",
      CODE(PROTO2 "(No.") },
    { "no-class-at-all", "byte 3: found an old-style object, expected none of a known class",
      CODE(PROTO2 "(o.") },
    { "call-object", "byte 4: found a call of another object, expected a function or class",
      CODE(PROTO2 "\x8f)R.") },
    { "new-of-text", "byte 10: found a new object of a string, which no checkpoint needs",
      CODE(PROTO2 "X\x01\0\0\0x)}\x92.") },
    { "no-model",
      "found keys epoch, optimizer, expected tensors, or a dict of them as model, "
      "state_dict, model_state_dict, model_ema, net or module",
      no_model, NULL, 0 },
    { "list", "found a list, expected a dict of tensors", CODE(PROTO2 "].") },
    { "after", "data.pkl: found 11 bytes after the pickle, expected the end", after_the_end,
      NULL, 0 },
};

/* ---- tensors that lie -------------------------------------------------------------------- */

#define FAR ((long long)1 << 47)

static const struct tensor_case {
    const char *name, *said;
    struct pth_spec spec;
} tensors[] = {
    { "size",
      "byte 165: found a tensor that reaches element 6 of a storage of 6",
      { "FloatStorage", "0", 6, 0, 1, { 7 }, { 1 } } },
    { "stride",
      "byte 185: found a tensor that reaches element 8 of a storage of 6",
      { "FloatStorage", "0", 6, 0, 2, { 2, 3 }, { 4, 2 } } },
    { "offset",
      "byte 165: found a tensor that reaches element 6 of a storage of 6",
      { "FloatStorage", "0", 6, 5, 1, { 2 }, { 1 } } },
    { "negative-size",
      "byte 165: found an impossible size or stride of a tensor",
      { "FloatStorage", "0", 6, 0, 1, { -1 }, { 1 } } },
    { "negative-stride",
      "byte 165: found an impossible size or stride of a tensor",
      { "FloatStorage", "0", 6, 5, 1, { 6 }, { -1 } } },
    { "negative-offset",
      "byte 165: found an impossible offset of a tensor",
      { "FloatStorage", "0", 6, -1, 1, { 1 }, { 1 } } },
    { "overflow",
      "byte 185: found a tensor that reaches out of its storage",
      { "FloatStorage", "0", 6, 0, 2, { FAR, FAR }, { FAR, FAR } } },
    { "huge-storage",
      "byte 101: found an impossible size of a storage",
      { "FloatStorage", "0", (long long)1 << 61, 0, 1, { 1 }, { 1 } } },
    { "key-empty",
      "byte 100: found a storage's key of 0 bytes, expected 1 to 256",
      { "FloatStorage", "", 6, 0, 1, { 6 }, { 1 } } },
    { "storage-short",
      "data/0: found a storage of 24 bytes, expected 28",
      { "FloatStorage", "0", 7, 0, 1, { 6 }, { 1 } } },
    { "storage-type",
      "data/0: found a storage of 24 bytes, expected 48",
      { "DoubleStorage", "0", 6, 0, 1, { 6 }, { 1 } } },
    { "storage-missing",
      "data/1: storage is missing, expected 24 bytes",
      { "FloatStorage", "1", 6, 0, 1, { 6 }, { 1 } } },
    { "storage-path",
      "data/../data.pkl: storage is missing, expected 24 bytes",
      { "FloatStorage", "../data.pkl", 6, 0, 1, { 6 }, { 1 } } },
    { "repeated",
      "found tensors of 4294967296 bytes in storages of 24, expected at most 4 times "
      "as much",
      { "FloatStorage", "0", 6, 0, 1, { 1 << 30 }, { 0 } } },
    { "repeated-far",
      "w: impossible shape, expected at most 6 dimensions",
      { "FloatStorage", "0", 6, 0, 4, { FAR, FAR, FAR, FAR }, { 0, 0, 0, 0 } } },
    { "rank",
      "w: impossible shape, expected at most 6 dimensions",
      { "FloatStorage", "0", 6, 0, 7, { 1, 1, 1, 1, 1, 1, 6 }, { 6, 6, 6, 6, 6, 6, 1 } } },
};

#endif
