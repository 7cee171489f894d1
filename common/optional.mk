# Libraries that make what is optional, where the machine has them: which, their flags, and the state that make and
# --version print. The Makefile reads this file.

# MPI is optional: without it everything else works. MPI=no leaves it out, MPI=NAME or
# MPI=/path/mpicc says which one, MPI=yes that there must be one. Asked at first use as well; programs
# that do not call it are not linked with it.
MPI_STATE  = $(eval MPI_STATE := $(call needed,$(call mpi,state)))$(MPI_STATE)
MPI_CFLAGS = $(eval MPI_CFLAGS := $(call mpi,cflags))$(MPI_CFLAGS)
MPI_LINK   = $(eval MPI_LINK := $(call mpi,libs))$(MPI_LINK)
mpi        = $(shell ./mpi.sh $(1) $(call quoted,$(MPI)))
needed     = $(if $(filter error:,$(firstword $(1))),$(error $(1:error:%=%)),$(1))
as_needed  = $(if $(1),-Wl$(,)--push-state$(,)--as-needed $(1) -Wl$(,)--pop-state)
MPI_LIBS   = $(call as_needed,$(MPI_LINK))
, := ,

# Cairo is optional: it writes pictures as PNG. CAIRO=no leaves it out.
cairo        = $(if $(filter no off,$(CAIRO)),,$(shell pkg-config $(1) cairo 2>/dev/null))
CAIRO_FOUND  = $(eval CAIRO_FOUND := $(call cairo,--modversion))$(CAIRO_FOUND)
CAIRO_CFLAGS = $(eval CAIRO_CFLAGS := $(call cairo,--cflags))$(CAIRO_CFLAGS)
CAIRO_LINK   = $(eval CAIRO_LINK := $(call cairo,--libs))$(CAIRO_LINK)
CAIRO_LIBS   = $(call as_needed,$(CAIRO_LINK))
CAIRO_STATE  = $(if $(CAIRO_FOUND),on: cairo $(CAIRO_FOUND),off: $(if $(CAIRO),CAIRO=$(CAIRO),no cairo found (make deps WITH=pictures)))

# libavdevice is optional: va-live reads cameras through it. CAMERA=no leaves it out.
camera        = $(if $(filter no off,$(CAMERA)),,$(shell pkg-config $(1) libavdevice 2>/dev/null))
CAMERA_FOUND  = $(eval CAMERA_FOUND := $(call camera,--modversion))$(CAMERA_FOUND)
CAMERA_LINK   = $(eval CAMERA_LINK := $(call camera,--libs))$(CAMERA_LINK)
CAMERA_LIBS   = $(call as_needed,$(CAMERA_LINK))
CAMERA_STATE  = $(if $(CAMERA_FOUND),on: libavdevice $(CAMERA_FOUND),off: $(if $(CAMERA),CAMERA=$(CAMERA),no libavdevice found (make deps WITH=camera)))

# ONNX Runtime is optional: va-embed opens it where it is given an ONNX model, and needs its header here. ONNX=no leaves
# it out.
onnx        = $(if $(filter no off,$(ONNX)),,$(shell pkg-config $(1) libonnxruntime 2>/dev/null))
ONNX_FOUND  = $(eval ONNX_FOUND := $(call onnx,--modversion))$(ONNX_FOUND)
ONNX_CFLAGS = $(eval ONNX_CFLAGS := $(call onnx,--cflags))$(ONNX_CFLAGS)
ONNX_STATE  = $(if $(ONNX_FOUND),on: libonnxruntime $(ONNX_FOUND),off: $(if $(ONNX),ONNX=$(ONNX),no libonnxruntime found (make deps WITH=onnx)))
