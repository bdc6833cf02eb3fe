/* What a fake libnvidia-ml.so.1 answers: devices, waves, sensors and faults read from a shared control file.
 *
 * The file `control` lies beside the library (or where FAKE_NVML_CONTROL says) and is mapped shared, so
 * that a fault set by the Python driver (__init__.py, which mirrors the structures below) is seen by the
 * very next call, at no cost. Signatures and codes are those that nvidia-ml-py 13 uses.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Every call that counts and can be made to fail. The Python driver reads the names from this list. */
#define FUNCTIONS(X) \
    X(nvmlInit) \
    X(nvmlShutdown) \
    X(nvmlSystemGetDriverVersion) \
    X(nvmlSystemGetNVMLVersion) \
    X(nvmlSystemGetCudaDriverVersion) \
    X(nvmlDeviceGetCount) \
    X(nvmlDeviceGetHandleByIndex) \
    X(nvmlDeviceGetHandleByUUID) \
    X(nvmlDeviceGetHandleByPciBusId) \
    X(nvmlDeviceGetName) \
    X(nvmlDeviceGetUUID) \
    X(nvmlDeviceGetIndex) \
    X(nvmlDeviceGetMinorNumber) \
    X(nvmlDeviceGetPciInfo) \
    X(nvmlDeviceGetArchitecture) \
    X(nvmlDeviceGetBrand) \
    X(nvmlDeviceGetVbiosVersion) \
    X(nvmlDeviceGetCudaComputeCapability) \
    X(nvmlDeviceGetPersistenceMode) \
    X(nvmlDeviceGetComputeMode) \
    X(nvmlDeviceGetDisplayActive) \
    X(nvmlDeviceGetDisplayMode) \
    X(nvmlDeviceGetUtilizationRates) \
    X(nvmlDeviceGetEncoderUtilization) \
    X(nvmlDeviceGetDecoderUtilization) \
    X(nvmlDeviceGetMemoryInfo) \
    X(nvmlDeviceGetMemoryInfo_v2) \
    X(nvmlDeviceGetBAR1MemoryInfo) \
    X(nvmlDeviceGetPowerUsage) \
    X(nvmlDeviceGetTotalEnergyConsumption) \
    X(nvmlDeviceGetFieldValues) \
    X(nvmlDeviceGetEnforcedPowerLimit) \
    X(nvmlDeviceGetPowerManagementLimit) \
    X(nvmlDeviceGetPowerManagementDefaultLimit) \
    X(nvmlDeviceGetPowerManagementLimitConstraints) \
    X(nvmlDeviceGetPowerManagementMode) \
    X(nvmlDeviceGetTemperature) \
    X(nvmlDeviceGetTemperatureV) \
    X(nvmlDeviceGetTemperatureThreshold) \
    X(nvmlDeviceGetClockInfo) \
    X(nvmlDeviceGetMaxClockInfo) \
    X(nvmlDeviceGetPerformanceState) \
    X(nvmlDeviceGetCurrentClocksEventReasons) \
    X(nvmlDeviceGetCurrentClocksThrottleReasons) \
    X(nvmlDeviceGetFanSpeed) \
    X(nvmlDeviceGetNumFans) \
    X(nvmlDeviceGetFanSpeed_v2) \
    X(nvmlDeviceGetCurrPcieLinkGeneration) \
    X(nvmlDeviceGetCurrPcieLinkWidth) \
    X(nvmlDeviceGetMaxPcieLinkGeneration) \
    X(nvmlDeviceGetMaxPcieLinkWidth) \
    X(nvmlDeviceGetPcieThroughput) \
    X(nvmlDeviceGetTotalEccErrors) \
    X(nvmlDeviceGetEccMode) \
    X(nvmlDeviceGetComputeRunningProcesses) \
    X(nvmlDeviceGetGraphicsRunningProcesses) \
    X(nvmlDeviceGetProcessUtilization) \
    X(nvmlDeviceGetMigMode) \
    X(nvmlDeviceGetMaxMigDeviceCount) \
    X(nvmlDeviceGetMigDeviceHandleByIndex) \
    X(nvmlDeviceGetDeviceHandleFromMigDeviceHandle) \
    X(nvmlDeviceGetGpuInstanceId) \
    X(nvmlDeviceGetComputeInstanceId) \
    X(nvmlDeviceIsMigDeviceHandle)

#define AS_ENUM(name) FN_##name,
enum { FUNCTIONS(AS_ENUM) FUNCTION_COUNT };

enum { MAX_DEVICES = 64, MAX_FUNCTIONS = 96, MAX_SEGMENTS = 64, MAX_FIELD_ERRORS = 8, MAX_PROCESSES = 64, MAX_MIG = 7 };
enum { MAGIC = 0x4e564d4c, LAYOUT = 1 };
enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
       DRIVER_NOT_LOADED = 9, UNKNOWN = 999 };
enum { WAVE_SQUARE = 1, WAVE_RAMP = 2 };
enum { SENSOR_USAGE, SENSOR_INSTANT, SENSOR_AVERAGE, SENSOR_MODULE, SENSOR_COUNT };
enum { PROCESS_COMPUTE = 1, PROCESS_GRAPHICS = 2 };

_Static_assert((int)FUNCTION_COUNT <= (int)MAX_FUNCTIONS, "control has no room for every function");

/* From `start_ns` on: constant at `low_w`, or a square or sawtooth wave; `before_j` is the energy used until then. */
struct segment {
    int64_t start_ns, period_ns, phase_ns;
    double low_w, high_w, duty, before_j;
    int64_t kind;
};

struct sensor {
    int64_t refresh_ns, window_ns; /* 0: continuous; 0: of the instant */
    int64_t supported;
};

struct process {
    uint64_t memory_bytes; /* all ones: not available */
    uint32_t pid, type;
};

struct field_error {
    uint32_t field, scope;
    int32_t code;
    uint32_t used;
};

struct device {
    char name[96], uuid[96], vbios[32];
    uint32_t architecture, pci_device_id, pci_domain, pci_bus, pci_slot;
    uint32_t segments; /* how many of `segment` are valid; written last */
    struct segment segment[MAX_SEGMENTS];
    struct sensor sensor[SENSOR_COUNT];
    int64_t energy_supported, energy_step_ns;
    double energy_offset_j, module_extra_w;
    double idle_w, limit_w; /* utilization is the mean power's place between them */
    double noise_w;         /* readings of power are off by up to so much, another amount at each renewal */
    uint64_t memory_total, memory_used, memory_reserved;
    int32_t temperature, memory_temperature, fan, pstate; /* negative temperature: from the wave; fan < 0: none */
    uint64_t throttle, ecc_corrected, ecc_uncorrected;
    int32_t ecc_supported, pcie_generation, pcie_width, encoder, decoder, energy_type;
    uint32_t processes;
    struct process process[MAX_PROCESSES];
    uint32_t mig_mode, mig_instances;
    uint32_t lost_code; /* 0: present */
    uint32_t generation; /* handles of an earlier one are stale */
    uint32_t handle_error; /* what asking for its handle returns, such as 4 (no permission) */
    uint32_t hang_gate;    /* calls wait while this is 1 */
    int64_t hang_ns;       /* each call takes this long */
    uint32_t waiting;      /* calls that are inside a hang now */
    uint32_t stale_calls;  /* calls with a handle from before it was lost or the driver was reloaded */
    uint32_t lost_calls;   /* calls while it was lost */
    struct field_error field_error[MAX_FIELD_ERRORS];
    int32_t error[MAX_FUNCTIONS];
    uint32_t calls[MAX_FUNCTIONS];
};

struct control {
    uint32_t magic, layout;
    uint64_t size;
    char driver[80], nvml[80];
    int32_t cuda_version;
    uint32_t devices;
    int32_t init_error;
    uint32_t driver_epoch; /* a change is a driver reload: everything is uninitialized, handles are stale */
    uint32_t inits, shutdowns;
    int64_t frozen_ns; /* the fake's time, 0: CLOCK_MONOTONIC */
    int32_t error[MAX_FUNCTIONS];
    uint32_t calls[MAX_FUNCTIONS];
    struct device device[MAX_DEVICES];
};

static struct control *control;
static uint32_t initialized_epoch;
static int initialized; /* NVML counts its inits */

/* ---- the control file ---- */

static void find_control(char *path, size_t size) {
    const char *named = getenv("FAKE_NVML_CONTROL");
    Dl_info self;
    if (named) {
        snprintf(path, size, "%s", named);
        return;
    }
    path[0] = 0;
    if (dladdr((void *)find_control, &self) && self.dli_fname) {
        snprintf(path, size, "%s", self.dli_fname);
        char *slash = strrchr(path, '/');
        snprintf(slash ? slash + 1 : path, size - (slash ? (size_t)(slash + 1 - path) : 0), "control");
    }
}

static int map_control(void) {
    char path[4096];
    struct stat status;
    if (control) return SUCCESS;
    find_control(path, sizeof path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return DRIVER_NOT_LOADED;
    if (fstat(file, &status) || (size_t)status.st_size < sizeof *control) {
        close(file);
        return DRIVER_NOT_LOADED;
    }
    void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) return DRIVER_NOT_LOADED;
    struct control *found = memory;
    if (found->magic != MAGIC || found->layout != LAYOUT || found->size != sizeof *found) {
        munmap(memory, sizeof *control);
        return DRIVER_NOT_LOADED;
    }
    control = found;
    return SUCCESS;
}

/* ---- time, waves, sensors ---- */

static int64_t now_ns(void) {
    struct timespec t;
    int64_t frozen = __atomic_load_n(&control->frozen_ns, __ATOMIC_RELAXED);
    if (frozen) return frozen;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Energy of the wave from its phase's origin to `at` ns after it; whole cycles are counted apart. */
static double wave_joules(const struct segment *s, int64_t at) {
    double period_s = s->period_ns * 1e-9;
    int64_t cycles = floor_div(at, s->period_ns);
    double in_s = (at - cycles * s->period_ns) * 1e-9, rise = s->high_w - s->low_w;
    if (s->kind == WAVE_SQUARE) {
        double high_s = s->duty * period_s;
        return cycles * (s->low_w * period_s + rise * high_s) + s->low_w * in_s + rise * fmin(in_s, high_s);
    }
    return cycles * (s->low_w + rise / 2) * period_s + s->low_w * in_s + rise * in_s * in_s / (2 * period_s);
}

static const struct segment *segment_at(const struct device *d, int64_t at) {
    uint32_t n = __atomic_load_n(&d->segments, __ATOMIC_ACQUIRE);
    while (n > 1 && d->segment[n - 1].start_ns > at) n--;
    return &d->segment[n ? n - 1 : 0];
}

static double joules_at(const struct device *d, int64_t at) {
    const struct segment *s = segment_at(d, at);
    if (!s->kind) return s->before_j + s->low_w * (at - s->start_ns) * 1e-9;
    return s->before_j + wave_joules(s, at - s->phase_ns) - wave_joules(s, s->start_ns - s->phase_ns);
}

static double watts_at(const struct device *d, int64_t at) {
    const struct segment *s = segment_at(d, at);
    if (!s->kind) return s->low_w;
    int64_t from = at - s->phase_ns;
    double part = (double)(from - floor_div(from, s->period_ns) * s->period_ns) / s->period_ns;
    if (s->kind == WAVE_SQUARE) return part < s->duty ? s->high_w : s->low_w;
    return s->low_w + (s->high_w - s->low_w) * part;
}

static double mean_watts(const struct device *d, int64_t at, int64_t window_ns) {
    if (window_ns <= 0) return watts_at(d, at);
    return (joules_at(d, at) - joules_at(d, at - window_ns)) / (window_ns * 1e-9);
}

static unsigned sensor_mw(const struct device *d, int which) {
    const struct sensor *s = &d->sensor[which];
    int64_t at = now_ns();
    if (s->refresh_ns > 0) at = floor_div(at, s->refresh_ns) * s->refresh_ns;
    double watts = mean_watts(d, at, s->window_ns) + (which == SENSOR_MODULE ? d->module_extra_w : 0);
    uint64_t mixed = ((uint64_t)at + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    mixed ^= mixed >> 31;
    watts += d->noise_w * ((double)(mixed % 20001) / 10000.0 - 1.0);
    return (unsigned)llround(fmax(watts, 0) * 1e3);
}

static unsigned long long energy_mj(const struct device *d) {
    int64_t at = now_ns();
    if (d->energy_step_ns > 0) at = floor_div(at, d->energy_step_ns) * d->energy_step_ns;
    return (unsigned long long)llround(fmax(joules_at(d, at) + d->energy_offset_j, 0) * 1e3);
}

/* Per cent, over the last sixth of a second as real boards do. */
static unsigned busy_percent(const struct device *d) {
    double range = d->limit_w - d->idle_w;
    if (range <= 0) return 0;
    double share = (mean_watts(d, now_ns(), 166666667) - d->idle_w) / range;
    return (unsigned)lround(100 * fmin(fmax(share, 0), 1));
}

/* ---- handles: bits 0-7 device, 8-15 MIG instance + 1, 16-31 generation, bit 32 always ---- */

typedef uintptr_t handle_t;

static handle_t make_handle(unsigned index, unsigned instance) {
    return ((handle_t)1 << 32) | ((handle_t)(control->device[index].generation & 0xffff) << 16) |
           ((handle_t)instance << 8) | index;
}

static void wait_while_hanging(struct device *d) {
    if (!__atomic_load_n(&d->hang_gate, __ATOMIC_RELAXED) && !d->hang_ns) return;
    struct timespec pause = {0, 1000000};
    __atomic_add_fetch(&d->waiting, 1, __ATOMIC_SEQ_CST);
    if (d->hang_ns) {
        struct timespec rest = {d->hang_ns / 1000000000, d->hang_ns % 1000000000};
        while (nanosleep(&rest, &rest) && errno == EINTR) continue;
    }
    while (__atomic_load_n(&d->hang_gate, __ATOMIC_RELAXED)) nanosleep(&pause, NULL);
    __atomic_sub_fetch(&d->waiting, 1, __ATOMIC_SEQ_CST);
}

static int system_call(int function) {
    if (!control || !initialized || initialized_epoch != control->driver_epoch) return UNINITIALIZED;
    __atomic_add_fetch(&control->calls[function], 1, __ATOMIC_RELAXED);
    return control->error[function];
}

static int device_call(handle_t handle, int function, struct device **found, unsigned *instance) {
    if (!control) return UNINITIALIZED;
    unsigned index = handle & 0xff;
    if (!(handle >> 32) || index >= control->devices) return INVALID_ARGUMENT;
    struct device *d = &control->device[index];
    *found = d;
    *instance = (handle >> 8) & 0xff;
    __atomic_add_fetch(&d->calls[function], 1, __ATOMIC_RELAXED);
    if (!initialized || initialized_epoch != control->driver_epoch) return UNINITIALIZED;
    if (((handle >> 16) & 0xffff) != (d->generation & 0xffff)) {
        __atomic_add_fetch(&d->stale_calls, 1, __ATOMIC_RELAXED);
        return UNKNOWN;
    }
    wait_while_hanging(d);
    if (d->lost_code) {
        __atomic_add_fetch(&d->lost_calls, 1, __ATOMIC_RELAXED);
        return (int)d->lost_code;
    }
    return d->error[function];
}

#define ENTER(name) \
    struct device *d = NULL; \
    unsigned instance = 0; \
    int code = device_call(handle, FN_##name, &d, &instance); \
    if (code) return code; \
    (void)instance

#define SIMPLE(name, type, condition, value) \
    EXPORT int name(handle_t handle, type *out) { \
        ENTER(name); \
        if (!(condition)) return NOT_SUPPORTED; \
        *out = (type)(value); \
        return SUCCESS; \
    }

static int put_text(char *out, unsigned size, const char *text) {
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    memcpy(out, text, strlen(text) + 1);
    return SUCCESS;
}

/* ---- library and system ---- */

EXPORT int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    int code = map_control();
    if (code) return code;
    __atomic_add_fetch(&control->calls[FN_nvmlInit], 1, __ATOMIC_RELAXED);
    if (control->init_error) return control->init_error;
    if (initialized_epoch != control->driver_epoch) initialized = 0;
    initialized_epoch = control->driver_epoch;
    initialized++;
    __atomic_add_fetch(&control->inits, 1, __ATOMIC_RELAXED);
    return SUCCESS;
}

EXPORT int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT int nvmlInit(void) { return nvmlInitWithFlags(0); }

EXPORT int nvmlShutdown(void) {
    if (!control || !initialized) return UNINITIALIZED;
    __atomic_add_fetch(&control->calls[FN_nvmlShutdown], 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&control->shutdowns, 1, __ATOMIC_RELAXED);
    initialized--;
    return SUCCESS;
}

EXPORT const char *nvmlErrorString(int code) {
    static __thread char text[40];
    snprintf(text, sizeof text, "fake NVML error %d", code);
    return text;
}

EXPORT int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    int code = system_call(FN_nvmlSystemGetDriverVersion);
    return code ? code : put_text(out, size, control->driver);
}

EXPORT int nvmlSystemGetNVMLVersion(char *out, unsigned size) {
    int code = system_call(FN_nvmlSystemGetNVMLVersion);
    return code ? code : put_text(out, size, control->nvml);
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *out) {
    int code = system_call(FN_nvmlSystemGetCudaDriverVersion);
    if (!code) *out = control->cuda_version;
    return code;
}
EXPORT int nvmlSystemGetCudaDriverVersion(int *out) { return nvmlSystemGetCudaDriverVersion_v2(out); }

EXPORT int nvmlDeviceGetCount_v2(unsigned *out) {
    int code = system_call(FN_nvmlDeviceGetCount);
    if (!code) *out = control->devices;
    return code;
}
EXPORT int nvmlDeviceGetCount(unsigned *out) { return nvmlDeviceGetCount_v2(out); }

/* ---- handles ---- */

static int give_handle(unsigned index, int function, handle_t *out) {
    struct device *d = &control->device[index];
    __atomic_add_fetch(&d->calls[function], 1, __ATOMIC_RELAXED);
    wait_while_hanging(d);
    if (d->handle_error) return (int)d->handle_error;
    if (d->lost_code) return (int)d->lost_code;
    if (d->error[function]) return d->error[function];
    *out = make_handle(index, 0);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, handle_t *out) {
    int code = system_call(FN_nvmlDeviceGetHandleByIndex);
    if (code) return code;
    if (index >= control->devices) return INVALID_ARGUMENT;
    return give_handle(index, FN_nvmlDeviceGetHandleByIndex, out);
}
EXPORT int nvmlDeviceGetHandleByIndex(unsigned index, handle_t *out) { return nvmlDeviceGetHandleByIndex_v2(index, out); }

EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, handle_t *out) {
    int code = system_call(FN_nvmlDeviceGetHandleByUUID);
    if (code) return code;
    for (unsigned i = 0; i < control->devices; i++)
        if (!strcmp(control->device[i].uuid, uuid)) return give_handle(i, FN_nvmlDeviceGetHandleByUUID, out);
    return NOT_FOUND;
}

static void bus_id(const struct device *d, char *out, size_t size, const char *format) {
    snprintf(out, size, format, d->pci_domain, d->pci_bus, d->pci_slot);
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *wanted, handle_t *out) {
    char text[32];
    int code = system_call(FN_nvmlDeviceGetHandleByPciBusId);
    if (code) return code;
    for (unsigned i = 0; i < control->devices; i++) {
        bus_id(&control->device[i], text, sizeof text, "%08X:%02X:%02X.0");
        if (!strcasecmp(text, wanted)) return give_handle(i, FN_nvmlDeviceGetHandleByPciBusId, out);
    }
    return NOT_FOUND;
}

/* ---- identity ---- */

EXPORT int nvmlDeviceGetName(handle_t handle, char *out, unsigned size) {
    ENTER(nvmlDeviceGetName);
    char text[128];
    snprintf(text, sizeof text, instance ? "%s MIG 1g.10gb" : "%s", d->name);
    return put_text(out, size, text);
}

EXPORT int nvmlDeviceGetUUID(handle_t handle, char *out, unsigned size) {
    ENTER(nvmlDeviceGetUUID);
    char text[128];
    if (instance) snprintf(text, sizeof text, "MIG-%s/%u/0", d->uuid, instance);
    else snprintf(text, sizeof text, "%s", d->uuid);
    return put_text(out, size, text);
}

struct pci_info {
    char legacy_bus_id[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

EXPORT int nvmlDeviceGetPciInfo_v3(handle_t handle, struct pci_info *out) {
    ENTER(nvmlDeviceGetPciInfo);
    memset(out, 0, sizeof *out);
    bus_id(d, out->legacy_bus_id, sizeof out->legacy_bus_id, "%04X:%02X:%02X.0");
    bus_id(d, out->bus_id, sizeof out->bus_id, "%08X:%02X:%02X.0");
    out->domain = d->pci_domain;
    out->bus = d->pci_bus;
    out->device = d->pci_slot;
    out->device_id = d->pci_device_id << 16 | 0x10de;
    return SUCCESS;
}
EXPORT int nvmlDeviceGetPciInfo_v2(handle_t handle, struct pci_info *out) { return nvmlDeviceGetPciInfo_v3(handle, out); }

EXPORT int nvmlDeviceGetVbiosVersion(handle_t handle, char *out, unsigned size) {
    ENTER(nvmlDeviceGetVbiosVersion);
    return put_text(out, size, d->vbios);
}

EXPORT int nvmlDeviceGetCudaComputeCapability(handle_t handle, int *major, int *minor) {
    ENTER(nvmlDeviceGetCudaComputeCapability);
    *major = d->architecture >= 9 ? (int)d->architecture : d->architecture >= 7 ? 8 : 7;
    *minor = d->architecture == 6 ? 5 : d->architecture == 8 ? 9 : 0;
    return SUCCESS;
}

SIMPLE(nvmlDeviceGetIndex, unsigned, 1, d - control->device)
SIMPLE(nvmlDeviceGetMinorNumber, unsigned, 1, d - control->device)
SIMPLE(nvmlDeviceGetArchitecture, unsigned, 1, d->architecture)
SIMPLE(nvmlDeviceGetBrand, unsigned, 1, 2)
SIMPLE(nvmlDeviceGetPersistenceMode, unsigned, 1, 1)
SIMPLE(nvmlDeviceGetComputeMode, unsigned, 1, 0)
SIMPLE(nvmlDeviceGetDisplayActive, unsigned, 1, 0)
SIMPLE(nvmlDeviceGetDisplayMode, unsigned, 1, 0)

/* ---- use, memory ---- */

struct utilization { unsigned gpu, memory; };

EXPORT int nvmlDeviceGetUtilizationRates(handle_t handle, struct utilization *out) {
    ENTER(nvmlDeviceGetUtilizationRates);
    if (d->mig_mode) return NOT_SUPPORTED;
    out->gpu = busy_percent(d);
    out->memory = out->gpu / 2;
    return SUCCESS;
}

#define CODEC(name, field) \
    EXPORT int name(handle_t handle, unsigned *percent, unsigned *period_us) { \
        ENTER(name); \
        if (d->mig_mode || d->field < 0) return NOT_SUPPORTED; \
        *percent = (unsigned)d->field; \
        *period_us = 167000; \
        return SUCCESS; \
    }
CODEC(nvmlDeviceGetEncoderUtilization, encoder)
CODEC(nvmlDeviceGetDecoderUtilization, decoder)

struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };

EXPORT int nvmlDeviceGetMemoryInfo(handle_t handle, struct memory *out) {
    ENTER(nvmlDeviceGetMemoryInfo);
    if (!d->memory_total) return NOT_SUPPORTED;
    unsigned long long share = instance ? MAX_MIG : 1;
    out->total = d->memory_total / share;
    out->used = d->memory_used / share;
    out->free = out->total - out->used;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(handle_t handle, struct memory_v2 *out) {
    ENTER(nvmlDeviceGetMemoryInfo_v2);
    if (!d->memory_total) return NOT_SUPPORTED;
    if (out->version != (sizeof *out | 2u << 24)) return 25; /* argument version mismatch */
    unsigned long long share = instance ? MAX_MIG : 1;
    out->total = d->memory_total / share;
    out->reserved = d->memory_reserved / share;
    out->used = (d->memory_used + d->memory_reserved) / share;
    out->free = out->total - out->used;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetBAR1MemoryInfo(handle_t handle, unsigned long long *out) {
    ENTER(nvmlDeviceGetBAR1MemoryInfo);
    out[0] = out[1] = d->memory_total;
    out[2] = 0;
    return SUCCESS;
}

/* ---- power and energy ----
 * A MIG handle answers with the whole board's figures, as some drivers do: whoever sums them is found out. */

SIMPLE(nvmlDeviceGetPowerUsage, unsigned, d->sensor[SENSOR_USAGE].supported, sensor_mw(d, SENSOR_USAGE))
SIMPLE(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, d->energy_supported, energy_mj(d))
SIMPLE(nvmlDeviceGetEnforcedPowerLimit, unsigned, d->limit_w > 0, d->limit_w * 1e3)
SIMPLE(nvmlDeviceGetPowerManagementLimit, unsigned, d->limit_w > 0, d->limit_w * 1e3)
SIMPLE(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, d->limit_w > 0, d->limit_w * 1e3)
SIMPLE(nvmlDeviceGetPowerManagementMode, unsigned, 1, 1)

EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(handle_t handle, unsigned *low, unsigned *high) {
    ENTER(nvmlDeviceGetPowerManagementLimitConstraints);
    if (d->limit_w <= 0) return NOT_SUPPORTED;
    *low = (unsigned)(d->limit_w * 5e2);
    *high = (unsigned)(d->limit_w * 1e3);
    return SUCCESS;
}

static int degrees(const struct device *d) {
    return d->temperature >= 0 ? d->temperature : 35 + (int)busy_percent(d) * 2 / 5;
}

struct field_value {
    unsigned field, scope;
    long long timestamp, latency_us;
    unsigned type;
    int code;
    union { double d; unsigned u; unsigned long long ull; } value;
};
enum { TYPE_DOUBLE = 0, TYPE_UINT = 1, TYPE_ULL = 3 };
enum { FIELD_ECC_SBE = 3, FIELD_ECC_DBE = 4, FIELD_MEMORY_TEMP = 82, FIELD_ENERGY = 83, FIELD_POWER_AVERAGE = 185,
       FIELD_POWER_INSTANT = 186, FIELD_ENERGY_NEW = 191 };

static void answer_power(const struct device *d, struct field_value *f, int which) {
    if (f->scope == 1) which = SENSOR_MODULE;
    if (f->scope > 1 || !d->sensor[which].supported) {
        f->code = NOT_SUPPORTED;
        return;
    }
    f->type = TYPE_UINT;
    f->value.u = sensor_mw(d, which);
}

static void answer_energy(const struct device *d, struct field_value *f) {
    if (!d->energy_supported || f->scope) {
        f->code = NOT_SUPPORTED;
        return;
    }
    f->type = (unsigned)d->energy_type;
    if (f->type == TYPE_DOUBLE) f->value.d = (double)energy_mj(d);
    else f->value.ull = energy_mj(d);
}

static void answer_count(const struct device *d, struct field_value *f, unsigned long long count) {
    if (!d->ecc_supported) f->code = NOT_SUPPORTED;
    f->type = TYPE_ULL;
    f->value.ull = count;
}

static void answer_field(const struct device *d, struct field_value *f) {
    f->code = SUCCESS;
    f->value.ull = 0xdeadbeefdeadbeefull; /* what an unread union holds */
    for (unsigned i = 0; i < MAX_FIELD_ERRORS; i++) {
        const struct field_error *e = &d->field_error[i];
        if (e->used && e->field == f->field && e->scope == f->scope && e->code) {
            f->code = e->code;
            return;
        }
    }
    switch (f->field) {
    case FIELD_POWER_INSTANT: answer_power(d, f, SENSOR_INSTANT); return;
    case FIELD_POWER_AVERAGE: answer_power(d, f, SENSOR_AVERAGE); return;
    case FIELD_ENERGY:
    case FIELD_ENERGY_NEW: answer_energy(d, f); return;
    case FIELD_ECC_SBE: answer_count(d, f, d->ecc_corrected); return;
    case FIELD_ECC_DBE: answer_count(d, f, d->ecc_uncorrected); return;
    case FIELD_MEMORY_TEMP:
        if (d->memory_temperature < 0) f->code = NOT_SUPPORTED;
        f->type = TYPE_UINT;
        f->value.ull = 0xdeadbeef00000000ull;
        f->value.u = (unsigned)d->memory_temperature;
        return;
    default: f->code = NOT_SUPPORTED;
    }
}

EXPORT int nvmlDeviceGetFieldValues(handle_t handle, int count, struct field_value *fields) {
    ENTER(nvmlDeviceGetFieldValues);
    for (int i = 0; i < count; i++) answer_field(d, &fields[i]);
    return SUCCESS;
}

/* ---- temperature, clocks, state ---- */

struct temperature { unsigned version, sensor; int temperature; };

EXPORT int nvmlDeviceGetTemperature(handle_t handle, unsigned sensor, unsigned *out) {
    ENTER(nvmlDeviceGetTemperature);
    if (sensor) return INVALID_ARGUMENT;
    *out = (unsigned)degrees(d);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetTemperatureV(handle_t handle, struct temperature *out) {
    ENTER(nvmlDeviceGetTemperatureV);
    if (out->version != (sizeof *out | 1u << 24)) return 25;
    if (out->sensor) return INVALID_ARGUMENT;
    out->temperature = degrees(d);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetTemperatureThreshold(handle_t handle, unsigned which, unsigned *out) {
    ENTER(nvmlDeviceGetTemperatureThreshold);
    *out = which ? 87 : 92;
    return SUCCESS;
}

static unsigned clock_mhz(const struct device *d, unsigned type) {
    if (type == 2) return 2619;
    return 345 + busy_percent(d) * 16;
}

EXPORT int nvmlDeviceGetClockInfo(handle_t handle, unsigned type, unsigned *out) {
    ENTER(nvmlDeviceGetClockInfo);
    if (type > 3) return INVALID_ARGUMENT;
    *out = clock_mhz(d, type);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetMaxClockInfo(handle_t handle, unsigned type, unsigned *out) {
    ENTER(nvmlDeviceGetMaxClockInfo);
    *out = type == 2 ? 2619 : 1980;
    return SUCCESS;
}

SIMPLE(nvmlDeviceGetPerformanceState, unsigned, d->pstate >= 0, d->pstate)
SIMPLE(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, 1, d->throttle)
SIMPLE(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, 1, d->throttle)
SIMPLE(nvmlDeviceGetFanSpeed, unsigned, d->fan >= 0, d->fan)
SIMPLE(nvmlDeviceGetNumFans, unsigned, 1, d->fan >= 0)
SIMPLE(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, d->pcie_generation > 0, d->pcie_generation)
SIMPLE(nvmlDeviceGetCurrPcieLinkWidth, unsigned, d->pcie_width > 0, d->pcie_width)
SIMPLE(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, d->pcie_generation > 0, d->pcie_generation)
SIMPLE(nvmlDeviceGetMaxPcieLinkWidth, unsigned, d->pcie_width > 0, d->pcie_width)

EXPORT int nvmlDeviceGetFanSpeed_v2(handle_t handle, unsigned fan, unsigned *out) {
    ENTER(nvmlDeviceGetFanSpeed_v2);
    if (d->fan < 0 || fan) return NOT_SUPPORTED;
    *out = (unsigned)d->fan;
    return SUCCESS;
}

/* As the real one: it measures for 20 ms. */
EXPORT int nvmlDeviceGetPcieThroughput(handle_t handle, unsigned counter, unsigned *out) {
    ENTER(nvmlDeviceGetPcieThroughput);
    struct timespec window = {0, 20000000};
    nanosleep(&window, NULL);
    *out = counter ? 1000 : 2000;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetTotalEccErrors(handle_t handle, unsigned type, unsigned counter, unsigned long long *out) {
    ENTER(nvmlDeviceGetTotalEccErrors);
    (void)counter;
    if (!d->ecc_supported) return NOT_SUPPORTED;
    *out = type ? d->ecc_uncorrected : d->ecc_corrected;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetEccMode(handle_t handle, unsigned *now, unsigned *pending) {
    ENTER(nvmlDeviceGetEccMode);
    if (!d->ecc_supported) return NOT_SUPPORTED;
    *now = *pending = 1;
    return SUCCESS;
}

/* ---- processes ---- */

struct process_info { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; };
struct process_info_v1 { unsigned pid; unsigned long long memory; };

static unsigned count_processes(const struct device *d, unsigned type) {
    unsigned n = 0;
    for (unsigned i = 0; i < d->processes; i++) n += (d->process[i].type & type) != 0;
    return n;
}

#define PROCESS_LIST(name, suffix, entry, type_bit, more) \
    EXPORT int name##suffix(handle_t handle, unsigned *count, struct entry *out) { \
        ENTER(name); \
        unsigned n = count_processes(d, type_bit), room = *count, k = 0; \
        *count = n; \
        if (n > room) return INSUFFICIENT_SIZE; \
        for (unsigned i = 0; i < d->processes; i++) { \
            if (!(d->process[i].type & type_bit)) continue; \
            out[k].pid = d->process[i].pid; \
            out[k].memory = d->process[i].memory_bytes; \
            more \
            k++; \
        } \
        return SUCCESS; \
    }
#define NO_INSTANCE out[k].gpu_instance = out[k].compute_instance = 0xffffffffu;
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses, _v3, process_info, PROCESS_COMPUTE, NO_INSTANCE)
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses, _v2, process_info, PROCESS_COMPUTE, NO_INSTANCE)
PROCESS_LIST(nvmlDeviceGetComputeRunningProcesses, , process_info_v1, PROCESS_COMPUTE, )
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses, _v3, process_info, PROCESS_GRAPHICS, NO_INSTANCE)
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses, _v2, process_info, PROCESS_GRAPHICS, NO_INSTANCE)
PROCESS_LIST(nvmlDeviceGetGraphicsRunningProcesses, , process_info_v1, PROCESS_GRAPHICS, )

EXPORT int nvmlDeviceGetProcessUtilization(handle_t handle, void *samples, unsigned *count, unsigned long long since) {
    ENTER(nvmlDeviceGetProcessUtilization);
    (void)samples;
    (void)since;
    *count = 0;
    return d->mig_mode ? NOT_SUPPORTED : NOT_FOUND;
}

/* ---- MIG ---- */

EXPORT int nvmlDeviceGetMigMode(handle_t handle, unsigned *now, unsigned *pending) {
    ENTER(nvmlDeviceGetMigMode);
    if (instance) return INVALID_ARGUMENT;
    if (d->architecture < 7) return NOT_SUPPORTED;
    *now = *pending = d->mig_mode;
    return SUCCESS;
}

SIMPLE(nvmlDeviceGetMaxMigDeviceCount, unsigned, 1, d->architecture < 7 ? 0 : MAX_MIG)
SIMPLE(nvmlDeviceIsMigDeviceHandle, unsigned, 1, instance != 0)
SIMPLE(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, handle_t, instance, make_handle((unsigned)(d - control->device), 0))
SIMPLE(nvmlDeviceGetGpuInstanceId, unsigned, instance, instance)
SIMPLE(nvmlDeviceGetComputeInstanceId, unsigned, instance, 0)

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(handle_t handle, unsigned index, handle_t *out) {
    ENTER(nvmlDeviceGetMigDeviceHandleByIndex);
    if (!d->mig_mode || index >= d->mig_instances) return NOT_FOUND;
    *out = make_handle((unsigned)(d - control->device), index + 1);
    return SUCCESS;
}
