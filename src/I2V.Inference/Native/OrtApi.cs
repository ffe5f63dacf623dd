using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>
/// ONNX Runtime's C API, version 30: an append-only table of function pointers. A slot's number is its place in the
/// header's <c>OrtApi</c> struct and never changes. Handles are <c>nint</c>; functions that can fail return a status.
/// </summary>
internal static unsafe class OrtApi
{
    public const uint Version = 30;

    private static readonly Lock Gate = new();
    private static volatile nint* table;
    private static string version = "";

    /// <summary>The loaded library's version, such as <c>1.30.0</c>.</summary>
    public static string VersionString
    {
        get
        {
            _ = Table;
            return version;
        }
    }

    public static delegate* unmanaged<nint, int> GetErrorCode => (delegate* unmanaged<nint, int>)Table[1];

    public static delegate* unmanaged<nint, byte*> GetErrorMessage => (delegate* unmanaged<nint, byte*>)Table[2];

    public static delegate* unmanaged<int, byte*, nint*, nint> CreateEnv => (delegate* unmanaged<int, byte*, nint*, nint>)Table[3];

    public static delegate* unmanaged<nint, byte*, nint, nint*, nint> CreateSession => (delegate* unmanaged<nint, byte*, nint, nint*, nint>)Table[7];

    public static delegate* unmanaged<nint, byte*, nuint, nint, nint*, nint> CreateSessionFromArray => (delegate* unmanaged<nint, byte*, nuint, nint, nint*, nint>)Table[8];

    public static delegate* unmanaged<nint, nint, nint*, nint*, nuint, nint*, nuint, nint*, nint> Run => (delegate* unmanaged<nint, nint, nint*, nint*, nuint, nint*, nuint, nint*, nint>)Table[9];

    public static delegate* unmanaged<nint*, nint> CreateSessionOptions => (delegate* unmanaged<nint*, nint>)Table[10];

    public static delegate* unmanaged<nint, int, nint> SetSessionExecutionMode => (delegate* unmanaged<nint, int, nint>)Table[13];

    public static delegate* unmanaged<nint, nint> EnableMemPattern => (delegate* unmanaged<nint, nint>)Table[16];

    public static delegate* unmanaged<nint, nint> DisableMemPattern => (delegate* unmanaged<nint, nint>)Table[17];

    public static delegate* unmanaged<nint, nint> EnableCpuMemArena => (delegate* unmanaged<nint, nint>)Table[18];

    public static delegate* unmanaged<nint, nint> DisableCpuMemArena => (delegate* unmanaged<nint, nint>)Table[19];

    public static delegate* unmanaged<nint, byte*, nint> SetSessionLogId => (delegate* unmanaged<nint, byte*, nint>)Table[20];

    public static delegate* unmanaged<nint, int, nint> SetSessionLogSeverityLevel => (delegate* unmanaged<nint, int, nint>)Table[22];

    public static delegate* unmanaged<nint, int, nint> SetSessionGraphOptimizationLevel => (delegate* unmanaged<nint, int, nint>)Table[23];

    public static delegate* unmanaged<nint, int, nint> SetIntraOpNumThreads => (delegate* unmanaged<nint, int, nint>)Table[24];

    public static delegate* unmanaged<nint, int, nint> SetInterOpNumThreads => (delegate* unmanaged<nint, int, nint>)Table[25];

    public static delegate* unmanaged<nint, nuint*, nint> SessionGetInputCount => (delegate* unmanaged<nint, nuint*, nint>)Table[30];

    public static delegate* unmanaged<nint, nuint*, nint> SessionGetOutputCount => (delegate* unmanaged<nint, nuint*, nint>)Table[31];

    public static delegate* unmanaged<nint, nuint, nint*, nint> SessionGetInputTypeInfo => (delegate* unmanaged<nint, nuint, nint*, nint>)Table[33];

    public static delegate* unmanaged<nint, nuint, nint*, nint> SessionGetOutputTypeInfo => (delegate* unmanaged<nint, nuint, nint*, nint>)Table[34];

    public static delegate* unmanaged<nint, nuint, nint, nint*, nint> SessionGetInputName => (delegate* unmanaged<nint, nuint, nint, nint*, nint>)Table[36];

    public static delegate* unmanaged<nint, nuint, nint, nint*, nint> SessionGetOutputName => (delegate* unmanaged<nint, nuint, nint, nint*, nint>)Table[37];

    public static delegate* unmanaged<nint*, nint> CreateRunOptions => (delegate* unmanaged<nint*, nint>)Table[39];

    public static delegate* unmanaged<nint, int, nint> RunOptionsSetRunLogSeverityLevel => (delegate* unmanaged<nint, int, nint>)Table[41];

    public static delegate* unmanaged<nint, byte*, nint> RunOptionsSetRunTag => (delegate* unmanaged<nint, byte*, nint>)Table[42];

    public static delegate* unmanaged<nint, nint> RunOptionsSetTerminate => (delegate* unmanaged<nint, nint>)Table[46];

    public static delegate* unmanaged<nint, nint> RunOptionsUnsetTerminate => (delegate* unmanaged<nint, nint>)Table[47];

    public static delegate* unmanaged<nint, long*, nuint, int, nint*, nint> CreateTensorAsOrtValue => (delegate* unmanaged<nint, long*, nuint, int, nint*, nint>)Table[48];

    public static delegate* unmanaged<nint, void*, nuint, long*, nuint, int, nint*, nint> CreateTensorWithDataAsOrtValue => (delegate* unmanaged<nint, void*, nuint, long*, nuint, int, nint*, nint>)Table[49];

    public static delegate* unmanaged<nint, int*, nint> IsTensor => (delegate* unmanaged<nint, int*, nint>)Table[50];

    public static delegate* unmanaged<nint, void**, nint> GetTensorMutableData => (delegate* unmanaged<nint, void**, nint>)Table[51];

    public static delegate* unmanaged<nint, nint*, nint> CastTypeInfoToTensorInfo => (delegate* unmanaged<nint, nint*, nint>)Table[55];

    public static delegate* unmanaged<nint, int*, nint> GetTensorElementType => (delegate* unmanaged<nint, int*, nint>)Table[60];

    public static delegate* unmanaged<nint, nuint*, nint> GetDimensionsCount => (delegate* unmanaged<nint, nuint*, nint>)Table[61];

    public static delegate* unmanaged<nint, long*, nuint, nint> GetDimensions => (delegate* unmanaged<nint, long*, nuint, nint>)Table[62];

    public static delegate* unmanaged<nint, nint*, nuint, nint> GetSymbolicDimensions => (delegate* unmanaged<nint, nint*, nuint, nint>)Table[63];

    public static delegate* unmanaged<nint, nint*, nint> GetTensorTypeAndShape => (delegate* unmanaged<nint, nint*, nint>)Table[65];

    public static delegate* unmanaged<byte*, int, int, int, nint*, nint> CreateMemoryInfo => (delegate* unmanaged<byte*, int, int, int, nint*, nint>)Table[68];

    public static delegate* unmanaged<int, int, nint*, nint> CreateCpuMemoryInfo => (delegate* unmanaged<int, int, nint*, nint>)Table[69];

    public static delegate* unmanaged<nint, byte**, nint> MemoryInfoGetName => (delegate* unmanaged<nint, byte**, nint>)Table[71];

    public static delegate* unmanaged<nint, int*, nint> MemoryInfoGetId => (delegate* unmanaged<nint, int*, nint>)Table[72];

    public static delegate* unmanaged<nint, nint, nint> AllocatorFree => (delegate* unmanaged<nint, nint, nint>)Table[76];

    public static delegate* unmanaged<nint*, nint> GetAllocatorWithDefaultOptions => (delegate* unmanaged<nint*, nint>)Table[78];

    public static delegate* unmanaged<nint, void> ReleaseEnv => (delegate* unmanaged<nint, void>)Table[92];

    public static delegate* unmanaged<nint, void> ReleaseStatus => (delegate* unmanaged<nint, void>)Table[93];

    public static delegate* unmanaged<nint, void> ReleaseMemoryInfo => (delegate* unmanaged<nint, void>)Table[94];

    public static delegate* unmanaged<nint, void> ReleaseSession => (delegate* unmanaged<nint, void>)Table[95];

    public static delegate* unmanaged<nint, void> ReleaseValue => (delegate* unmanaged<nint, void>)Table[96];

    public static delegate* unmanaged<nint, void> ReleaseRunOptions => (delegate* unmanaged<nint, void>)Table[97];

    public static delegate* unmanaged<nint, void> ReleaseTypeInfo => (delegate* unmanaged<nint, void>)Table[98];

    public static delegate* unmanaged<nint, void> ReleaseTensorTypeAndShapeInfo => (delegate* unmanaged<nint, void>)Table[99];

    public static delegate* unmanaged<nint, void> ReleaseSessionOptions => (delegate* unmanaged<nint, void>)Table[100];

    public static delegate* unmanaged<nint, byte*, long, nint> AddFreeDimensionOverrideByName => (delegate* unmanaged<nint, byte*, long, nint>)Table[124];

    public static delegate* unmanaged<byte***, int*, nint> GetAvailableProviders => (delegate* unmanaged<byte***, int*, nint>)Table[125];

    public static delegate* unmanaged<byte**, int, nint> ReleaseAvailableProviders => (delegate* unmanaged<byte**, int, nint>)Table[126];

    public static delegate* unmanaged<nint, byte*, byte*, nint> AddSessionConfigEntry => (delegate* unmanaged<nint, byte*, byte*, nint>)Table[130];

    public static delegate* unmanaged<nint, nint, nint*, nint> CreateAllocator => (delegate* unmanaged<nint, nint, nint*, nint>)Table[131];

    public static delegate* unmanaged<nint, void> ReleaseAllocator => (delegate* unmanaged<nint, void>)Table[132];

    public static delegate* unmanaged<nint, nint, nint, nint> RunWithBinding => (delegate* unmanaged<nint, nint, nint, nint>)Table[133];

    public static delegate* unmanaged<nint, nint*, nint> CreateIoBinding => (delegate* unmanaged<nint, nint*, nint>)Table[134];

    public static delegate* unmanaged<nint, void> ReleaseIoBinding => (delegate* unmanaged<nint, void>)Table[135];

    public static delegate* unmanaged<nint, byte*, nint, nint> BindInput => (delegate* unmanaged<nint, byte*, nint, nint>)Table[136];

    public static delegate* unmanaged<nint, byte*, nint, nint> BindOutput => (delegate* unmanaged<nint, byte*, nint, nint>)Table[137];

    public static delegate* unmanaged<nint, byte*, nint, nint> BindOutputToDevice => (delegate* unmanaged<nint, byte*, nint, nint>)Table[138];

    public static delegate* unmanaged<nint, nint, byte**, nuint**, nuint*, nint> GetBoundOutputNames => (delegate* unmanaged<nint, nint, byte**, nuint**, nuint*, nint>)Table[139];

    public static delegate* unmanaged<nint, nint, nint**, nuint*, nint> GetBoundOutputValues => (delegate* unmanaged<nint, nint, nint**, nuint*, nint>)Table[140];

    public static delegate* unmanaged<nint, void> ClearBoundInputs => (delegate* unmanaged<nint, void>)Table[141];

    public static delegate* unmanaged<nint, void> ClearBoundOutputs => (delegate* unmanaged<nint, void>)Table[142];

    public static delegate* unmanaged<nint, byte*, byte*, nint> AddRunConfigEntry => (delegate* unmanaged<nint, byte*, byte*, nint>)Table[165];

    public static delegate* unmanaged<nint, nint, nint> AppendTensorRT => (delegate* unmanaged<nint, nint, nint>)Table[170];

    public static delegate* unmanaged<nint*, nint> CreateTensorRTProviderOptions => (delegate* unmanaged<nint*, nint>)Table[171];

    public static delegate* unmanaged<nint, nint*, nint*, nuint, nint> UpdateTensorRTProviderOptions => (delegate* unmanaged<nint, nint*, nint*, nuint, nint>)Table[172];

    public static delegate* unmanaged<nint, void> ReleaseTensorRTProviderOptions => (delegate* unmanaged<nint, void>)Table[174];

    public static delegate* unmanaged<nint, nint, nint> RegisterAllocator => (delegate* unmanaged<nint, nint, nint>)Table[176];

    public static delegate* unmanaged<nint, nint*, nint> GetTensorMemoryInfo => (delegate* unmanaged<nint, nint*, nint>)Table[194];

    public static delegate* unmanaged<nint, nint> SynchronizeBoundInputs => (delegate* unmanaged<nint, nint>)Table[202];

    public static delegate* unmanaged<nint, nint> SynchronizeBoundOutputs => (delegate* unmanaged<nint, nint>)Table[203];

    public static delegate* unmanaged<nint, nint, nint> AppendCuda => (delegate* unmanaged<nint, nint, nint>)Table[204];

    public static delegate* unmanaged<nint*, nint> CreateCudaProviderOptions => (delegate* unmanaged<nint*, nint>)Table[205];

    public static delegate* unmanaged<nint, nint*, nint*, nuint, nint> UpdateCudaProviderOptions => (delegate* unmanaged<nint, nint*, nint*, nuint, nint>)Table[206];

    public static delegate* unmanaged<nint, void> ReleaseCudaProviderOptions => (delegate* unmanaged<nint, void>)Table[208];

    public static delegate* unmanaged<nint, byte*, nint*, nint*, nuint, nint> AppendProvider => (delegate* unmanaged<nint, byte*, nint*, nint*, nuint, nint>)Table[216];

    public static delegate* unmanaged<nint, int*, void> MemoryInfoGetDeviceType => (delegate* unmanaged<nint, int*, void>)Table[225];

    public static delegate* unmanaged<nint, byte*, int*, nint> HasSessionConfigEntry => (delegate* unmanaged<nint, byte*, int*, nint>)Table[237];

    public static delegate* unmanaged<nint, byte*, byte*, nuint*, nint> GetSessionConfigEntry => (delegate* unmanaged<nint, byte*, byte*, nuint*, nint>)Table[238];

    public static delegate* unmanaged<nint, nint**, nint**, nuint*, void> GetKeyValuePairs => (delegate* unmanaged<nint, nint**, nint**, nuint*, void>)Table[298];

    public static delegate* unmanaged<nint, void> ReleaseKeyValuePairs => (delegate* unmanaged<nint, void>)Table[300];

    public static delegate* unmanaged<nint, nuint*, nint> GetTensorSizeInBytes => (delegate* unmanaged<nint, nuint*, nint>)Table[318];

    public static delegate* unmanaged<nint, nint*, nint> AllocatorGetStats => (delegate* unmanaged<nint, nint*, nint>)Table[319];

    public static delegate* unmanaged<nint, nint**, nuint*, nint> SessionGetEpGraphAssignmentInfo => (delegate* unmanaged<nint, nint**, nuint*, nint>)Table[407];

    public static delegate* unmanaged<nint, byte**, nint> EpAssignedSubgraphGetEpName => (delegate* unmanaged<nint, byte**, nint>)Table[408];

    public static delegate* unmanaged<nint, nint**, nuint*, nint> EpAssignedSubgraphGetNodes => (delegate* unmanaged<nint, nint**, nuint*, nint>)Table[409];

    private static nint* Table
    {
        get
        {
            var loaded = table;
            return loaded is not null ? loaded : Load();
        }
    }

    /// <summary>Turns a status into an exception and frees it; null is success.</summary>
    /// <exception cref="OrtException">The call failed.</exception>
    public static void Check(nint status, string call)
    {
        if (status == 0)
        {
            return;
        }

        try
        {
            throw new OrtException(call, (OrtErrorCode)GetErrorCode(status), Text(GetErrorMessage(status)));
        }
        finally
        {
            ReleaseStatus(status);
        }
    }

    public static string Text(byte* utf8) => Marshal.PtrToStringUTF8((nint)utf8) ?? "";

    /// <summary>Reads a library's table; fails with one sentence when the library does not have it.</summary>
    internal static (nint Table, string Version) Open(nint library, string file, uint apiVersion)
    {
        if (!NativeLibrary.TryGetExport(library, "OrtGetApiBase", out var export))
        {
            throw NativeLibraryLocation.Missing($"{file} is not ONNX Runtime: it has no function OrtGetApiBase.");
        }

        var apiBase = (nint*)((delegate* unmanaged<nint>)export)();
        var found = Text(((delegate* unmanaged<byte*>)apiBase[1])());
        var api = ((delegate* unmanaged<uint, nint>)apiBase[0])(apiVersion);
        return api != 0
            ? (api, found)
            : throw NativeLibraryLocation.Missing($"ONNX Runtime {found} at {file} is too old: version 1.{apiVersion} or newer is needed.");
    }

    private static nint* Load()
    {
        lock (Gate)
        {
            if (table is null)
            {
                // Official builds report what they run to their maker, over the network and through files, unless this is set.
                NativeEnvironment.Set("ORT_DISABLE_TELEMETRY", "1", overwrite: false);
                var (library, file) = NativeLibraryLocation.Load(NativeLibraryLocation.Folders());
                (var api, version) = Open(library, file, Version);
                NativeLibraryLocation.LoadedFile = file;
                table = (nint*)api;
            }

            return table;
        }
    }
}
