/*
 * ONNX Runtime through its interface for C, in a process that does nothing else: one session, for one picture at a time.
 * The library is opened by the names that Debian and others give it.
 */
#include "jobs/va_ort_priv.h"

#include "base/va_mem.h"
#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <string.h>

static const OrtApi *api;
static OrtEnv *env;
static OrtSession *session;
static OrtMemoryInfo *host; /* where pictures are */
static char *input, *output;
static int64_t side, width;
static char version[VA_ORT_NAME], text[VA_ORT_TEXT];

/* ---- errors ------------------------------------------------------------------------------------ */

/* A message in one line. */
static const char *said(const char *before, const char *what)
{
    int n = snprintf(text, sizeof(text), "%s", before);
    size_t at = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

    for (; *what && at + 1 < sizeof(text); what++)
        if ((unsigned char)*what >= ' ' && *what != 127)
            text[at++] = *what;
        else if (at && text[at - 1] != ' ')
            text[at++] = ' ';
    while (at && text[at - 1] == ' ')
        at--;
    text[at] = '\0';
    return text;
}

/* Why the runtime refuses the file: in our words where its own say nothing to its user. */
static const char *refused(OrtStatus *status)
{
    const char *what = api->GetErrorMessage(status), *why;

    if (strstr(what, "protobuf parsing failed"))
        why = said("not an ONNX model, or damaged", "");
    else if (strstr(what, "model_path must not be empty") || strstr(what, "external data"))
        why = said(
            "its values are in another file, expected them inside: save the model as one "
            "file",
            "");
    else
        why = said("ONNX Runtime refuses it: ", what);
    api->ReleaseStatus(status);
    return why;
}

#define TRY(call)                   \
    do {                            \
        OrtStatus *failed = (call); \
                                    \
        if (failed)                 \
            return refused(failed); \
    } while (0)

static void ORT_API_CALL say_nothing(void *unused, OrtLoggingLevel level, const char *category,
                                     const char *id, const char *place, const char *message)
{
    (void)unused, (void)level, (void)category, (void)id, (void)place, (void)message;
}

/* ---- the library ------------------------------------------------------------------------------- */

static const char *start(void)
{
    char debian[64];
    const char *names[] = { debian, "libonnxruntime.so.1", "libonnxruntime.so" };
    void *library = NULL, *found;
    const OrtApiBase *(*base)(void);

    snprintf(debian, sizeof(debian), "libonnxruntime.so.1.%d", ORT_API_VERSION);
    for (size_t i = 0; i < VA_COUNT(names) && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    found = library ? dlsym(library, "OrtGetApiBase") : NULL;
    if (!found)
        return said("cannot open ONNX Runtime, with which this program was built: ",
                    library ? debian : dlerror());
    memcpy(&base, &found, sizeof(base)); /* ISO C has no cast to a function */
    snprintf(version, sizeof(version), "%s", base()->GetVersionString());
    api = base()->GetApi(ORT_API_VERSION);
    if (!api)
        return said("found an older ONNX Runtime than this program was built with: ", version);
    TRY(api->CreateEnvWithCustomLogger(say_nothing, NULL, ORT_LOGGING_LEVEL_FATAL, "", &env));
    TRY(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &host));
    return NULL;
}

/* ---- what the file holds ------------------------------------------------------------------------ */

/* What a value of the model is: with dims [*rank], -1 where one is not fixed. */
static const char *describe(OrtTypeInfo *info, ONNXTensorElementDataType *type, size_t *rank,
                            int64_t dims[8])
{
    const OrtTensorTypeAndShapeInfo *shape;

    *type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    *rank = 0;
    TRY(api->CastTypeInfoToTensorInfo(info, &shape));
    if (!shape) /* a sequence or a map */
        return NULL;
    TRY(api->GetTensorElementType(shape, type));
    TRY(api->GetDimensionsCount(shape, rank));
    if (*rank <= 8)
        TRY(api->GetDimensions(shape, dims, *rank));
    return NULL;
}

/* "[N,3,224,224] of float32" */
static const char *shape_text(ONNXTensorElementDataType type, size_t rank, const int64_t *dims)
{
    static char shape[200];
    size_t n = (size_t)snprintf(shape, sizeof(shape), "[");

    for (size_t i = 0; i < rank && rank <= 8; i++)
        n += (size_t)(dims[i] < 0 ? snprintf(shape + n, sizeof(shape) - n, "%s?", i ? "," : "")
                                  : snprintf(shape + n, sizeof(shape) - n, "%s%lld",
                                             i ? "," : "", (long long)dims[i]));
    snprintf(shape + n, sizeof(shape) - n, "] of %s",
             type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? "float32" : "another type");
    return shape;
}

static const char *check_input(const struct va_ort_options *o, OrtAllocator *memory)
{
    ONNXTensorElementDataType type;
    OrtTypeInfo *info;
    int64_t dims[8];
    size_t count, rank;
    const char *why;

    TRY(api->SessionGetInputCount(session, &count));
    if (count != 1) {
        snprintf(text, sizeof(text), "found %zu inputs, expected one: pictures [N,3,H,W]",
                 count);
        return text;
    }
    TRY(api->SessionGetInputName(session, 0, memory, &input));
    TRY(api->SessionGetInputTypeInfo(session, 0, &info));
    why = describe(info, &type, &rank, dims);
    api->ReleaseTypeInfo(info);
    if (why)
        return why;
    if (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || rank != 4 || dims[0] > 1 ||
        dims[0] == 0 || dims[1] != 3 || dims[2] != dims[3] || dims[2] == 0 || dims[2] > 4096) {
        snprintf(text, sizeof(text),
                 "input %.100s is %s, expected square pictures [N,3,H,W] of float32, with N "
                 "1 or not fixed",
                 input, shape_text(type, rank, dims));
        return text;
    }
    side = dims[2] > 0 ? dims[2] : o->size;
    if (!side || (o->size && side != o->size)) {
        snprintf(text, sizeof(text),
                 side
                     ? "takes pictures of %lld pixels per side, but --onnx-size is %lld"
                     : "takes pictures of any size: name that of its training with --onnx-size",
                 (long long)side, (long long)o->size);
        return text;
    }
    return NULL;
}

/* The output called `wanted`, else the only one of rank 2; the others are named. */
static const char *choose_output(const char *wanted, OrtAllocator *memory)
{
    char names[600] = "";
    size_t count, n = 0;
    int found = 0;

    TRY(api->SessionGetOutputCount(session, &count));
    for (size_t i = 0; i < count; i++) {
        ONNXTensorElementDataType type;
        OrtTypeInfo *info;
        int64_t dims[8];
        size_t rank;
        const char *why;
        char *name;

        TRY(api->SessionGetOutputName(session, i, memory, &name));
        TRY(api->SessionGetOutputTypeInfo(session, i, &info));
        why = describe(info, &type, &rank, dims);
        api->ReleaseTypeInfo(info);
        if (why)
            return why;
        if (n < sizeof(names) - 300)
            n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%.100s %s", i ? "; " : "",
                                  name, shape_text(type, rank, dims));
        if (wanted ? !strcmp(name, wanted)
                   : type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && rank == 2) {
            output = name;
            found++;
        }
    }
    if (found == 1)
        return NULL;
    if (wanted)
        snprintf(text, sizeof(text), "found no output %.100s; its outputs are: %s", wanted,
                 names);
    else
        snprintf(text, sizeof(text),
                 "found %d outputs of rank 2, expected one: choose with --onnx-output: %s",
                 found, names);
    return text;
}

static void look_up(const OrtModelMetadata *meta, OrtAllocator *memory, const char *key,
                    char to[VA_ORT_NAME])
{
    char *value = NULL;
    OrtStatus *failed = api->ModelMetadataLookupCustomMetadataMap(meta, memory, key, &value);

    if (!failed && value)
        snprintf(to, VA_ORT_NAME, "%s", value);
    if (failed)
        api->ReleaseStatus(failed);
}

/* ---- at work ------------------------------------------------------------------------------------ */

/* The numbers of an output, of which `row` has room for `width`; with row NULL only how many. */
static const char *take(OrtValue *value, float *row)
{
    OrtTensorTypeAndShapeInfo *shape;
    ONNXTensorElementDataType type;
    size_t count;
    void *data;
    int is_tensor;

    TRY(api->IsTensor(value, &is_tensor));
    if (!is_tensor)
        return said("output is no tensor: ", output);
    TRY(api->GetTensorTypeAndShape(value, &shape));
    TRY(api->GetTensorElementType(shape, &type));
    TRY(api->GetTensorShapeElementCount(shape, &count));
    api->ReleaseTensorTypeAndShapeInfo(shape);
    if (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || count < 1 || count > VA_ORT_WIDTH_MOST ||
        (row && (int64_t)count != width)) {
        snprintf(text, sizeof(text),
                 "output %.100s gave %zu numbers of %s for a picture, expected %s", output,
                 count,
                 type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? "float32" : "another type",
                 row ? "as many as for the first one" : "1 to 1048576 of float32");
        return text;
    }
    width = (int64_t)count;
    TRY(api->GetTensorMutableData(value, &data));
    if (row)
        memcpy(row, data, count * sizeof(*row));
    return NULL;
}

static const char *compute(const float *picture, float *row)
{
    const int64_t dims[] = { 1, 3, side, side };
    size_t bytes = (size_t)(3 * side * side) * sizeof(*picture);
    OrtValue *in = NULL, *out = NULL;
    const char *const ins[] = { input }, *const outs[] = { output };
    const char *why;

    TRY(api->CreateTensorWithDataAsOrtValue(host, (void *)(uintptr_t)picture, bytes, dims, 4,
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &in));
    TRY(api->Run(session, NULL, ins, (const OrtValue *const *)&in, 1, outs, 1, &out));
    why = take(out, row);
    api->ReleaseValue(out);
    api->ReleaseValue(in);
    return why;
}

static const char *open_session(const void *bytes, int64_t size, int threads)
{
    OrtSessionOptions *options;

    TRY(api->CreateSessionOptions(&options));
    TRY(api->SetIntraOpNumThreads(options, threads));
    TRY(api->SetInterOpNumThreads(options, 1));
    TRY(api->SetSessionLogSeverityLevel(options, ORT_LOGGING_LEVEL_FATAL));
    TRY(api->SetDeterministicCompute(options, true));
    TRY(api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"));
    TRY(api->CreateSessionFromArray(env, bytes, (size_t)size, options, &session));
    api->ReleaseSessionOptions(options);
    return NULL;
}

static const char *load(const void *bytes, int64_t size, const struct va_ort_options *o,
                        int threads, struct va_ort_shape *shape)
{
    OrtAllocator *memory;
    OrtModelMetadata *meta;
    const char *why = open_session(bytes, size, threads);
    float *blank;

    if (why)
        return why;
    TRY(api->GetAllocatorWithDefaultOptions(&memory));
    TRY(api->SessionGetModelMetadata(session, &meta));
    look_up(meta, memory, "mean", shape->mean);
    look_up(meta, memory, "std", shape->std);
    if ((why = check_input(o, memory)) || (why = choose_output(o->output, memory)))
        return why;
    blank = va_new(3 * side * side, sizeof(*blank)); /* the width need not be in the file */
    why = blank ? compute(blank, NULL) : "out of memory";
    va_free(blank);
    shape->side = side;
    shape->width = width;
    snprintf(shape->output, sizeof(shape->output), "%s", output);
    snprintf(shape->version, sizeof(shape->version), "%s", version);
    return why;
}

static const struct va_ort_library here = { start, load, compute };
const struct va_ort_library *const va_ort_library = &here;
