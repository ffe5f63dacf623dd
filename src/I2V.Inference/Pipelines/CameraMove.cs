using System.Text.RegularExpressions;

namespace I2V.Inference.Pipelines;

/// <summary>Kinds of camera move. The numbers are the order of the graph's <c>move</c> input.</summary>
public enum CameraMoveKind
{
    ZoomIn = 0,
    ZoomOut = 1,

    /// <summary>The camera turns left: what is in the picture goes right.</summary>
    PanLeft = 2,
    PanRight = 3,
    PanUp = 4,
    PanDown = 5,

    /// <summary>To one side and back, once.</summary>
    Sway = 6,
}

/// <summary>Reads the camera move from a prompt's words.</summary>
public static partial class CameraMove
{
    /// <summary>The first move that the prompt names, in English; a zoom in when it names none.</summary>
    public static CameraMoveKind Parse(string prompt)
    {
        var match = Move().Match(prompt);
        if (!match.Success)
        {
            return CameraMoveKind.ZoomIn;
        }

        var direction = match.Groups["direction"].Value.ToUpperInvariant();
        return direction switch
        {
            "" => match.Groups["sway"].Success ? CameraMoveKind.Sway : CameraMoveKind.ZoomIn,
            "OUT" or "BACK" or "BACKWARD" or "BACKWARDS" or "AWAY" => CameraMoveKind.ZoomOut,
            "LEFT" or "LEFTWARD" or "LEFTWARDS" => CameraMoveKind.PanLeft,
            "RIGHT" or "RIGHTWARD" or "RIGHTWARDS" => CameraMoveKind.PanRight,
            "UP" or "UPWARD" or "UPWARDS" => CameraMoveKind.PanUp,
            "DOWN" or "DOWNWARD" or "DOWNWARDS" => CameraMoveKind.PanDown,
            _ => CameraMoveKind.ZoomIn,
        };
    }

    // A verb of moving cameras and, at most three words later, where it goes; or a word for swaying.
    [GeneratedRegex(
        """
        \b(?:
            (?:zoom(?:s|ed|ing)?|dolly(?:ing)?|dollies|pull(?:s|ed|ing)?|push(?:es|ed|ing)?) (?:[\s,-]+(?!in\b)\w+){0,3}? [\s,-]+ (?<direction>in|inward|inwards|forward|forwards|closer|out|back|backward|backwards|away)
          | (?:pan(?:s|ned|ning)?|tilt(?:s|ed|ing)?|truck(?:s|ed|ing)?|pedestal(?:s|ed|ing)?|camera) (?:[\s,-]+\w+){0,3}? [\s,-]+ (?<direction>left|leftward|leftwards|right|rightward|rightwards|up|upward|upwards|down|downward|downwards)
          | (?<direction>left|right|up|upward|down|downward) [\s,-]+ (?:pan|tilt)
          | (?<sway>sway(?:s|ed|ing)?|rock(?:s|ed|ing)?|handheld|hand-held)
          | zoom(?:s|ed|ing)?
        )\b
        """,
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Move();
}
