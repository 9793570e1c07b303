namespace Kontext.Functions.Admin.Access;

/// <summary>A way on which a person, or an application for itself, reaches a service.</summary>
/// <param name="Person">Who; null when nobody approved the application yet.</param>
/// <param name="Application">Through what.</param>
/// <param name="Integration">What.</param>
/// <param name="Connected">The person has a connection that works.</param>
/// <param name="DeniedBy">The layer that denies it; null when none does for certain.</param>
internal sealed record AccessWay(string? Person, string Application, string Integration, bool Connected, string? DeniedBy);

/// <summary>What the page of access shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Picture">The picture.</param>
/// <param name="Ways">The same as a list.</param>
/// <param name="Truncated">There is more than is shown.</param>
/// <param name="Next">Where the next applications begin; null at the end.</param>
/// <param name="Applications">What can be chosen.</param>
/// <param name="Chosen">The application it is about; null for several.</param>
internal sealed record AccessModel(
    AdminFrame Frame, AccessPicture Picture, IReadOnlyList<AccessWay> Ways, bool Truncated, string? Next, IReadOnlyList<(string Id, string Name)> Applications, string? Chosen) : AdminModel(Frame);
